"""Until when this process may tell the steps of a task that goes on elsewhere."""

from __future__ import annotations

import time
from weakref import WeakValueDictionary


class Run:
    """A task in this process until it waits; ``until`` when its steps may be sent (monotonic)."""

    __slots__ = ("__weakref__", "until")

    def __init__(self) -> None:
        self.until = float("inf")

    @property
    def over(self) -> bool:
        """Whether another process may have gone on with the task."""
        return time.monotonic() > self.until


class Runs:
    """Runs by task, as long as a message of them waits: whoever holds the message holds the run."""

    def __init__(self) -> None:
        self._runs: WeakValueDictionary[str, Run] = WeakValueDictionary()

    def of(self, task_id: str) -> Run:
        """The run to which a step belongs that is told now."""
        run = self._runs.get(task_id)
        if run is None:
            run = self._runs[task_id] = Run()
        return run

    def end(self, task_id: str, within_s: float) -> None:
        """Let what was told so far be sent for so long; what is told next is of a new run."""
        if (run := self._runs.pop(task_id, None)) is not None:
            run.until = time.monotonic() + within_s
