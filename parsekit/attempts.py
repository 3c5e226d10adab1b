"""How often a task began the step that may end its process."""

from __future__ import annotations

from typing import Protocol

#: A replay that ended its process this often is put aside with `PoisonReplay`.
MAX_ATTEMPTS = 3


class Attempts(Protocol):
    """Counts beginnings in a place that outlives the process."""

    def begin(self, task_id: str) -> int:
        """Count one more before the dangerous step, and answer the count, 1 the first time."""
        ...

    def clear(self, task_id: str) -> None:
        """Forget the count, as the step ended and the process survived it."""
        ...
