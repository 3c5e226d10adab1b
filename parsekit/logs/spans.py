"""Where a tracer hears of the steps of a task; nobody does unless a driver says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

#: Called at the end of a step with its outcome, and whether it failed.
End = Callable[[str, bool], None]


@dataclass(slots=True)
class Spans:
    """``begin(name)`` is called where a step begins, in its thread; None costs nothing."""

    begin: Callable[[str], End] | None = None


#: Of this process.
spans = Spans()
