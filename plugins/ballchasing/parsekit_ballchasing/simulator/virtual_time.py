"""Time that passes only while everybody sleeps, so that an hour of many tasks takes a moment."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable

#: Some moment in 2026, seconds since 1970 UTC.
START_UNIX = 1_790_000_000.0


class VirtualTime:
    """A clock, a sleep, and tasks of which one runs at a time, in threads of their own.

    Call it for the time, UTC seconds. Tasks run in the order in which they are due, those due at
    once in the order in which they went to sleep; so a run is the same however busy the machine.
    """

    def __init__(self, start_unix: float = START_UNIX) -> None:
        self._now = start_unix
        self._numbers = itertools.count()
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._ended = threading.Event()
        self._failures: list[BaseException] = []

    def __call__(self) -> float:
        """Seconds since 1970 UTC."""
        return self._now

    def start(self, work: Callable[[], object], *, after_s: float = 0.0) -> None:
        """Have a task begin at its time."""

        def run() -> None:
            try:
                work()
            except BaseException as exc:  # noqa: BLE001  (raised by `run`)
                self._failures.append(exc)
            self._next()

        self._at(after_s, threading.Thread(target=run, daemon=True).start)

    def sleep(self, seconds: float) -> None:
        """Let time pass in the task that calls."""
        mine = threading.Event()
        self._at(seconds, mine.set)
        self._next()
        mine.wait()

    def run(self) -> None:
        """Go on until every task has ended. Raises what the first one raised that failed."""
        self._ended.clear()
        self._next()
        self._ended.wait()
        if self._failures:
            raise self._failures[0]

    def _at(self, after_s: float, action: Callable[[], object]) -> None:
        due = self._now + max(after_s, 0.0)
        heapq.heappush(self._due, (due, next(self._numbers), action))

    def _next(self) -> None:
        if not self._due or self._failures:
            self._ended.set()
            return
        self._now, _, action = heapq.heappop(self._due)
        action()
