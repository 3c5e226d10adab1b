"""Messages on disk until RabbitMQ has them: a folder of segments, one a process."""

from __future__ import annotations

import errno
import os
import threading
import time
from pathlib import Path

from parsekit import OwnedFolder
from parsekit_sinks_rabbitmq.message import Message
from parsekit_sinks_rabbitmq.orphans import SPOOL, Orphans
from parsekit_sinks_rabbitmq.segment import Segment

#: All segments together: some 100 000 events.
SPOOL_BYTES = 64 * 1024 * 1024
#: A process goes on in a new segment after this share of that. One that was sent whole is removed:
#: what is sent makes room while the rest still waits.
_SEGMENT_SHARE = 1 / 16
#: How often that is looked at, seconds: some thousand events may come between two looks.
MEASURED_S = 1.0
#: How often a new file is tried to be had, against processes that take over what nobody has locked.
_TRIES = 10


class SpoolFull(Exception):
    """The spool has its full size; what it holds was not sent yet."""


class Spool:
    """The spool as one process sees it: its own segment, and those of dead processes.

    Used from several threads, but `adopt` and `first` from one.
    """

    def __init__(self, folder: Path, max_bytes: int = SPOOL_BYTES) -> None:
        self._folder, self._max_bytes = folder, max_bytes
        self._others, self._measured_at = 0, float("-inf")
        self._own: Segment | None = None
        self._appending = threading.Lock()
        #: Of dead processes, and our own that are full.
        self._older = Orphans(folder, SPOOL)

    @property
    def unsent_bytes(self) -> int:
        """Size of what this process has still to send."""
        own = self._own
        return self._older.unsent_bytes + (own.unsent_bytes if own else 0)

    @property
    def wants_more(self) -> bool:
        """See `Orphans.wants_more`."""
        return self._older.wants_more

    def append(self, message: Message) -> None:
        """Keep a message. Raises `SpoolFull`, OSError or ValueError."""
        with self._appending:
            own = self._own = self._begun()
            if own.unsent_bytes and not self._has_room(own):
                raise SpoolFull(f"{self._folder} has {self._max_bytes} bytes of unsent events")
            own.append(message)

    def adopt(self) -> int:
        """See `Orphans.adopt`."""
        return self._older.adopt()

    def first(self) -> Segment | None:
        """The oldest segment with something unsent; older ones that were sent whole are removed."""
        own = self._own  # looked at first, as it may become an older one meanwhile
        held = len(self._older)
        first = self._older.first()
        if len(self._older) < held:
            self._measured_at = float("-inf")  # there is room again
        return first or (own if own and own.unsent_bytes else None)

    def sync(self) -> None:
        """Have the disk take what this process has written. Raises OSError."""
        self._older.sync()
        if self._own:
            self._own.sync()

    def close(self) -> None:
        """Let go of every segment, for other processes to send."""
        self._older.close()
        if self._own:
            self._own.close()
        self._own = None

    def _begun(self) -> Segment:
        """The segment to write to."""
        if self._own is not None and self._own.size_bytes > self._max_bytes * _SEGMENT_SHARE:
            self._older.hold(self._own)
            self._own = None
            self._measured_at = float("-inf")
        return self._own or make_segment(self._folder, SPOOL)

    def _has_room(self, own: Segment) -> bool:
        """Whether there is room; what other processes write is looked at from time to time."""
        now = time.monotonic()
        if now - self._measured_at > MEASURED_S:
            self._measured_at = now
            others = (path for path in self._folder.glob(f"*{SPOOL}") if path != own.path)
            self._others = sum(map(_size, others))
        return self._others + own.size_bytes <= self._max_bytes


def make_segment(folder: Path, suffix: str) -> Segment:
    """A new file of this process, locked until it dies, which others then take over.

    Who takes it over before it is locked finds it empty, and removes it: then another is made.
    Raises OSError.
    """
    OwnedFolder.open(folder, make=True).close()
    for _ in range(_TRIES):
        made = Segment.make(folder / f"{time.time_ns():020d}-{os.getpid()}{suffix}")
        if made is not None:
            return made
    raise BlockingIOError(errno.EAGAIN, "others took each new file over", str(folder))


def _size(path: Path) -> int:
    """Bytes of a file; 0 when its process has just removed it."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
