"""The tasks that run in this process, and the end of those that somebody cancels."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from parsekit.errors import ParsekitError

log = logging.getLogger(__name__)

#: Between two looks for cancellations.
LOOK_SECONDS = 1.0


class Running:
    """Task id to the time (monotonic seconds) at which its run began."""

    def __init__(self) -> None:
        self._began: dict[str, float] = {}
        self.runs = 0

    @contextmanager
    def run(self, task_id: str) -> Iterator[None]:
        """The task runs for the length of the block."""
        self._began[task_id] = time.monotonic()
        self.runs += 1
        try:
            yield
        finally:
            self._began.pop(task_id, None)

    @property
    def task_ids(self) -> list[str]:
        """Those that run now."""
        return list(self._began)

    @property
    def count(self) -> int:
        """How many run now."""
        return len(self._began)

    @property
    def longest_s(self) -> float:
        """How long the oldest run takes already, 0 when there is none."""
        return max((time.monotonic() - began for began in list(self._began.values())), default=0.0)


class CancelWatch:
    """Ends runs whose task was cancelled elsewhere; one thread a process."""

    def __init__(
        self, running: Running, cancelled: Callable[[str], bool], end: Callable[[str], None]
    ) -> None:
        self._running = running
        self._cancelled = cancelled
        self._end = end
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True, name="parsekit-cancel")

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stopped.set()

    def _watch(self) -> None:
        while not self._stopped.wait(LOOK_SECONDS):
            try:
                for task_id in self._running.task_ids:
                    if self._cancelled(task_id):
                        self._end(task_id)
            except (ParsekitError, OSError) as exc:
                log.debug("can't look for cancelled tasks: %s", exc)
            except Exception:
                log.exception("can't look for cancelled tasks")
