"""Replays that have come and are whole: what the game still writes is left until it has ended.

A replay is whole when its lengths and CRCs hold. One that never becomes whole is taken as it is
when it has not changed for a while, so that its error is reported.
"""

from __future__ import annotations

import hashlib
import logging
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from parsekit.batch.inputs import SUFFIX, NoMatch, expand
from parsekit.errors import ParsekitError, ReplayNotFound
from parsekit.replay.envelope import check_envelope
from parsekit.watch.record import FileState, WatchRecord

log = logging.getLogger("parsekit.watch")

#: A file that is not whole and has not changed for so long is not being written any more.
SETTLE_S = 30.0
#: How often all folders are looked through where no change was reported: shares report none.
LOOK_S = 10.0
#: How often files that are not whole yet are looked at again.
TICK_S = 1.0
#: How soon a replay is tried again that failed for no fault of its own, the first and longest time.
_RETRY_S, _MAX_RETRY_S = 60.0, 3600.0
#: Waits of watchfiles, milliseconds: for more of the same change, and between looks where it polls.
_STEP_MS, _POLL_MS = 200, 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A replay to parse. ``sha256`` is "" of one that could not be read."""

    path: str
    sha256: str
    state: FileState


class Arrivals:
    """What comes into some folders and those below them, each content once.

    ``is_waiting`` says that a file is there which may be taken soon, without a further change.
    """

    def __init__(
        self,
        folders: Sequence[str],
        record: WatchRecord,
        *,
        max_bytes: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folders, self._record = folders, record
        self._max_bytes, self._clock = max_bytes, clock
        self.is_waiting = False
        self._begun: set[str] = set()
        self._unwhole: dict[str, tuple[FileState, float]] = {}
        self._copies: set[tuple[str, FileState]] = set()
        self._retries: dict[str, tuple[float, float]] = {}
        self._reported: set[str] = set()

    def scan(self) -> Iterator[Arrival]:
        """Look through the folders: what is whole and was never done, the oldest file first."""
        self.is_waiting = False
        for path, state in self._files():
            if self._record.has_file(path, state) or (path, state) in self._copies:
                continue
            if not self._is_due(path) or not self._is_whole(path, state):
                self.is_waiting = True
                continue
            arrival = Arrival(path=path, sha256=_digest(path), state=state)
            if _state(path) != state:
                self.is_waiting = True
            elif self._record.has(arrival.sha256):
                self._copies.add((path, state))
            elif arrival.sha256 not in self._begun:
                self._begun.add(arrival.sha256)
                yield arrival

    def try_later(self, arrival: Arrival) -> None:
        """Yield this replay once more, a minute from now, and later each time."""
        _, before_s = self._retries.get(arrival.path, (0.0, _RETRY_S / 2))
        wait_s = min(2 * before_s, _MAX_RETRY_S)
        self._retries[arrival.path] = (self._clock() + wait_s, wait_s)
        self._begun.discard(arrival.sha256)

    def _is_due(self, path: str) -> bool:
        return self._clock() >= self._retries.get(path, (0.0, 0.0))[0]

    def _files(self) -> list[tuple[str, FileState]]:
        found = []
        for one in expand(self._folders):
            if isinstance(one, NoMatch):
                self._report(one)
            elif (state := _state(one.replay)) is not None:
                found.append((one.replay, state))
        return sorted(found, key=lambda each: (each[1].mtime_ns, each[0]))

    def _report(self, unseen: NoMatch) -> None:
        """Name a folder that can't be looked into, once; that one is empty is no news."""
        if unseen.place not in self._reported and not isinstance(unseen.error, ReplayNotFound):
            self._reported.add(unseen.place)
            log.warning("%s", unseen.error.message)

    def _is_whole(self, path: str, state: FileState) -> bool:
        known, since_s = self._unwhole.get(path, (None, 0.0))
        if known == state:
            return self._clock() - since_s >= SETTLE_S
        try:
            check_envelope(Path(path), max_bytes=self._max_bytes)
        except ParsekitError:
            self._unwhole[path] = (state, self._clock())
            return False
        self._unwhole.pop(path, None)
        return True


def _state(path: str) -> FileState | None:
    """What tells that a file has changed; None of what is no file, or gone."""
    try:
        found = Path(path).stat()
    except OSError:
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    return FileState(size_bytes=found.st_size, mtime_ns=found.st_mtime_ns)


def _digest(path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def looks(folders: Sequence[str], arrivals: Arrivals, stop: Event) -> Iterator[None]:
    """One at once, and one whenever the folders should be looked through again, until ``stop``."""
    yield
    looked_s = float("-inf")  # what came before changes were reported is found by the next look
    for changed in _changes(folders, stop):
        if changed or arrivals.is_waiting or time.monotonic() - looked_s >= LOOK_S:
            looked_s = time.monotonic()
            yield


def _changes(folders: Sequence[str], stop: Event) -> Iterator[bool]:
    """Whether a replay has changed, at once when it has, else every `TICK_S` seconds."""
    from watchfiles import watch  # noqa: PLC0415  (70 ms)

    try:
        for changes in watch(
            *folders,
            watch_filter=lambda _change, path: path.lower().endswith(SUFFIX),
            stop_event=stop,
            step=_STEP_MS,
            rust_timeout=int(TICK_S * 1000),
            yield_on_timeout=True,
            raise_interrupt=False,
            poll_delay_ms=_POLL_MS,
            ignore_permission_denied=True,
        ):
            yield bool(changes)
    except OSError as error:  # the system's watches are used up, or denied
        log.warning("no changes are reported here (%s); looking every %g s", error, LOOK_S)
        while not stop.wait(TICK_S):
            yield False
