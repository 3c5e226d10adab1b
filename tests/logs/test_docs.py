"""docs/logs.md says what is so."""

from __future__ import annotations

import json
import re
from pathlib import Path

from parsekit.events import Acts, AuditEvent

PAGE = (Path(__file__).parents[2] / "docs" / "logs.md").read_text()


def test_the_example_of_a_record_has_the_fields_of_a_record() -> None:
    example = json.loads(re.findall(r"```json\n(\{\"at\".*?)```", PAGE, re.DOTALL)[0])
    event = AuditEvent(at_unix=0, caller="", task_id="", replay="", acts=Acts(), result="ok")
    assert list(example) == list(event.to_json())
