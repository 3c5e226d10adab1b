"""Which tasks were already reported, so that one delivered again is not reported again."""

from __future__ import annotations

from typing import Protocol


class Reports(Protocol):
    """Remembers, in a place that outlives the process, whose end was published to the listeners."""

    def was_reported(self, task_id: str) -> bool:
        """Whether the end of this task was published before."""
        ...

    def mark_reported(self, task_id: str) -> None:
        """The end of this task has just been published."""
        ...
