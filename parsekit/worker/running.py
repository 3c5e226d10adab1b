"""The tasks that run in this process, and the end of those that are not to go on.

Celery raises its soft time limit in a task between any two of its steps: in the middle of an
exchange with Redis, or between a lock and its release. Here the signal is only noted. A thread ends
the parse that is at work, and the pipeline asks between its steps.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue

from parsekit.errors import ParsekitError, TaskTimeout

log = logging.getLogger(__name__)

#: Between two looks for cancellations.
LOOK_SECONDS = 1.0


class Running:
    """Task id to the time (monotonic seconds) at which its run began, and its soft time limit."""

    def __init__(self) -> None:
        self._began: dict[str, float] = {}
        self._limits: dict[str, str] = {}
        self._over: set[str] = set()
        #: Has something in it when a limit was exceeded; to put is safe in a signal's handler.
        self.woken: SimpleQueue[None] = SimpleQueue()
        self.runs = 0

    @contextmanager
    def run(self, task_id: str, soft_limit: str) -> Iterator[None]:
        """The task runs for the length of the block; ``soft_limit`` is its limit in words."""
        self._limits[task_id] = soft_limit
        self._began[task_id] = time.monotonic()
        self.runs += 1
        try:
            yield
        finally:
            for facts in (self._began, self._limits):
                facts.pop(task_id, None)
            self._over.discard(task_id)

    def exceed_soft_limit(self, *_: object) -> None:
        """Note that whatever runs now takes too long: a process of a pool runs one task at a time.

        Called by a signal. It takes no lock, which the code that it interrupts may have.
        """
        self._over.update(self._began)
        self.woken.put(None)

    def timeout(self, task_id: str) -> TaskTimeout | None:
        """The error with which a task has to end that takes too long."""
        limit = self._limits.get(task_id)
        if limit is None or task_id not in self._over:
            return None
        return TaskTimeout(f"took longer than {limit} and was ended")

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
    """Ends parses whose task is not to go on; one thread a process.

    ``reason`` returns why a task that runs is to end, ``end`` ends its parse for that.
    """

    def __init__(
        self,
        running: Running,
        reason: Callable[[str], ParsekitError | None],
        end: Callable[[str, ParsekitError], None],
    ) -> None:
        self._running = running
        self._reason = reason
        self._end = end
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True, name="parsekit-cancel")

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stopped.set()
        self._running.woken.put(None)

    def _watch(self) -> None:
        while True:
            with suppress(Empty):
                self._running.woken.get(timeout=LOOK_SECONDS)
            if self._stopped.is_set():
                return
            try:
                for task_id in self._running.task_ids:
                    if (reason := self._reason(task_id)) is not None:
                        self._end(task_id, reason)
            except (ParsekitError, OSError) as exc:
                log.debug("can't look for cancelled tasks: %s", exc)
            except Exception:
                log.exception("can't look for cancelled tasks")
