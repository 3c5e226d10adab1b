"""Parse what was uploaded, a few at a time, from the catalogue.

The catalogue is the queue: what waits there is parsed, also after a crash, and nothing stands in
memory alone. A replay during whose parse this server died again and again is put aside as
``poison_replay``.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from parsekit import Failure, Outcome
from parsekit.errors import Cancelled, ParsekitError, PoisonReplay
from parsekit_server.catalogue.replays import Replays
from parsekit_server.catalogue.rows import PendingReplay
from parsekit_server.disk_space import DiskSpace
from parsekit_server.metrics import PARSES, ServerCounters
from parsekit_server.moments import now_us

log = logging.getLogger("parsekit.server")

#: Starts without an end after which a replay is put aside: a server may be killed for anything.
MOST_STARTS = 5
#: Seconds between two looks for what has become due.
_LOOK_EVERY_S = 2.0
#: Seconds until the next try: doubled each time, up to the longest.
_FIRST_DELAY_S, _LONGEST_DELAY_S = 5.0, 900.0


class Parse(Protocol):
    """Parses the replay in a file; ``stop`` breaks it off while it waits."""

    def __call__(
        self,
        path: Path,
        *,
        timeline: bool = False,
        fallback: bool = True,
        stop: threading.Event,
    ) -> Outcome:
        """See `parsekit.Parsing.parse`."""
        ...


class WorkQueue:
    """Threads that parse what waits in the catalogue."""

    def __init__(
        self,
        replays: Replays,
        path_of: Callable[[str], Path],
        parse: Parse,
        *,
        space: DiskSpace,
        tally: ServerCounters,
        threads: int,
        drop_result: Callable[[str], None],
    ) -> None:
        self._replays = replays
        self._drop_result = drop_result
        self._space = space
        self._tally = tally
        self._path_of = path_of
        self._parse = parse
        self._stop = threading.Event()
        self._changed = threading.Condition()
        self._running: set[str] = set()
        #: Whose parses began here and could not be ended, as the catalogue was away or full.
        self._survived: set[str] = set()
        self._threads = [
            threading.Thread(target=self._work, name=f"parse-{number}", daemon=True)
            for number in range(threads)
        ]

    @property
    def slots(self) -> int:
        """How many parses may run at once."""
        return len(self._threads)

    @property
    def running(self) -> int:
        """How many parses run."""
        return len(self._running)

    def start(self) -> None:
        """Begin with what waits."""
        for thread in self._threads:
            thread.start()

    def notify(self) -> None:
        """Say that a replay was added."""
        with self._changed:
            self._changed.notify()

    def close(self) -> None:
        """End; a parse that is at work is waited for, one that waits is broken off."""
        self._stop.set()
        with self._changed:
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                if self._parse_next():
                    continue
            except ParsekitError as error:
                log.warning("the queue goes on in %s s: %s", _LOOK_EVERY_S, error)
            except Exception:
                log.exception("the queue goes on in %s s", _LOOK_EVERY_S)
            with self._changed:
                if not self._stop.is_set():
                    self._changed.wait(_LOOK_EVERY_S)

    def _parse_next(self) -> bool:
        """Parse one replay; False where none is due, or the disk is full."""
        if self._space.is_full():
            return False
        with self._changed:
            pending = self._replays.start_next(self._running, self._survived)
            if pending is None:
                return False
            self._running.add(pending.id)
        try:
            self._parse_one(pending)
            self._survived.discard(pending.id)
        except ParsekitError:
            self._survived.add(pending.id)
            raise
        finally:
            with self._changed:
                self._running.discard(pending.id)
        return True

    def _parse_one(self, pending: PendingReplay) -> None:
        if pending.starts > MOST_STARTS:
            error = PoisonReplay(
                f"the server ended {MOST_STARTS} times while it parsed this replay"
            )
            self._fail(pending, code=error.code, message=error.message)
            return
        path = self._path_of(pending.id)
        outcome = self._parse(path, stop=self._stop)
        if outcome.failure is not None:
            message = outcome.failure.message.replace(str(path), "the replay")
            self._end(pending, replace(outcome.failure, message=message))
        elif outcome.data is not None:
            key = outcome.output_path
            if not self._replays.finish(pending.id, outcome.data, result_key=key) and key:
                self._drop_result(key)
            self._tally.add(PARSES, outcome="ok", code="")

    def _end(self, pending: PendingReplay, failure: Failure) -> None:
        if failure.code == Cancelled.code:
            self._replays.release(pending.id)
        elif failure.retryable:
            delay_s = failure.retry_after_s or _FIRST_DELAY_S * 2**pending.tries
            due_us = now_us() + int(min(delay_s, _LONGEST_DELAY_S) * 1e6)
            self._replays.postpone(
                pending, due_us=due_us, code=failure.code, message=failure.message
            )
            self._tally.add(PARSES, outcome="postponed", code=failure.code)
        else:
            self._fail(pending, code=failure.code, message=failure.message)

    def _fail(self, pending: PendingReplay, *, code: str, message: str) -> None:
        self._replays.fail(pending.id, code=code, message=message)
        self._tally.add(PARSES, outcome="failed", code=code)
