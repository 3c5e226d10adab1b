"""Which tasks this process let wait, and why: for people who look."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

#: More are not remembered; the broker has them all.
MAX_NOTED = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """A task that goes on at ``until_unix``."""

    task_id: str
    replay: str
    reason: str
    until_unix: float


class Waits:
    """The waits of one process. Used from several threads."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._noted: dict[str, Wait] = {}

    def note(self, wait: Wait) -> None:
        """The task waits from now on."""
        with self._lock:
            if wait.task_id in self._noted or len(self._noted) < MAX_NOTED:
                self._noted[wait.task_id] = wait

    def forget(self, task_id: str) -> None:
        """The task goes on here."""
        with self._lock:
            self._noted.pop(task_id, None)

    def now(self) -> list[Wait]:
        """Those whose time has not come, the next one first."""
        with self._lock:
            now = self._clock()
            self._noted = {w.task_id: w for w in self._noted.values() if w.until_unix > now}
            return sorted(self._noted.values(), key=lambda wait: wait.until_unix)
