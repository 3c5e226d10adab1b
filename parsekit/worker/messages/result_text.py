"""A task's return value together with its JSON text, so that no result store encodes it again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from parsekit.model import Outcome


class ReturnValue(dict[str, Any]):
    """What ``parseReplay`` returns; ``text`` is the same as JSON."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.to_result())
        self.text = outcome.to_result_text()


def meta_text(
    meta: Mapping[str, Any], result: object, encode: Callable[[Mapping[str, Any]], str]
) -> str:
    """Celery's record of a task, ``meta``, as text; ``encode`` is that of its result store."""
    if not isinstance(result, ReturnValue):
        return encode(meta)
    status, rest = meta["status"], {k: v for k, v in meta.items() if k not in ("status", "result")}
    return f'{{"status": "{status}", "result": {result.text}, {encode(rest)[1:]}'
