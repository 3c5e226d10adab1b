"""What `doctor --security` finds in a configuration, without the settings of this machine."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from parsekit.api import open_session
from parsekit.diagnostics import security
from parsekit.diagnostics.security import security_checks
from parsekit.host.host import Host
from parsekit.parsers.isolation.selftest import attempts_that_work
from parsekit.providers import Check

#: A broker of another kind needs it beside itself.
RESULTS = {"backend": "rediss://results.example"}


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith("PARSEKIT")]:
        monkeypatch.delenv(name)


tried_once = cache(attempts_that_work)


@pytest.fixture(autouse=True)
def sandbox_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the sandbox tried for the first test only: it takes half a second of a processor."""
    monkeypatch.setattr(security, "attempts_that_work", tried_once)


def checks(folder: Path, config: dict[str, Any] | None = None, mode: int = 0o600) -> list[Check]:
    file = folder / "parsekit.json"
    file.touch()
    file.chmod(mode)
    file.write_text(json.dumps(config or {}))
    return security_checks(open_session(file, data_dir=folder / "data"), Host.load())


def named(found: list[Check], name: str) -> Check:
    (check,) = (check for check in found if check.name == name)
    return check
