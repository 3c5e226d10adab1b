"""Messages on disk until RabbitMQ has them: a folder of segments, one a process."""

from __future__ import annotations

import errno
import logging
import os
import threading
import time
from pathlib import Path

from parsekit import OwnedFolder
from parsekit_sinks_rabbitmq import message as messages
from parsekit_sinks_rabbitmq.message import Message
from parsekit_sinks_rabbitmq.segment import Segment

log = logging.getLogger("parsekit.rabbitmq")

#: Files of analytics, and of the ends of tasks (`journal.py`), which have room of their own.
SPOOL, ENDS = ".spool", ".ends"
#: So many files are held open at once, however many were left: a process may open 1024 by default.
MOST_HELD = 16
#: All segments together: some 100 000 events.
SPOOL_BYTES = 64 * 1024 * 1024
#: A process goes on in a new segment after this share of that. One that was sent whole is removed:
#: what is sent makes room while the rest still waits.
_SEGMENT_SHARE = 1 / 16
#: How often that is looked at, seconds: some thousand events may come between two looks.
MEASURED_S = 1.0
#: How often a new file is tried to be had, against processes that take over what nobody has locked.
_TRIES = 10


class Orphans:
    """Files in a folder with one suffix, of which this process holds some, oldest first.

    Used by one thread, but that any may have it `hold` a file.
    """

    def __init__(self, folder: Path, suffix: str) -> None:
        self._folder, self._suffix = folder, suffix
        self._held: list[Segment] = []
        self._left_some = False
        self._unusable: set[Path] = set()

    def __len__(self) -> int:
        """How many it holds."""
        return len(self._held)

    @property
    def unsent_bytes(self) -> int:
        """Size of what is held and still to be sent."""
        return sum(segment.unsent_bytes for segment in tuple(self._held))

    @property
    def wants_more(self) -> bool:
        """Whether files were left to others, or for later, and there is room for some by now."""
        return self._left_some and len(self._held) < MOST_HELD // 2

    def adopt(self) -> int:
        """Take over what was left, as far as there is room.

        Ends that nobody waits for any more are removed, also while the broker is away, so that
        they never fill the disk; return how many.
        """
        gone, self._left_some = 0, False
        for path in self._left():
            if len(self._held) >= MOST_HELD:
                self._left_some = True
                break
            gone += self._take(path)
        return gone

    def hold(self, segment: Segment) -> None:
        """Send this one as well, after those that are held."""
        self._held.append(segment)

    def first(self) -> Segment | None:
        """The oldest with something unsent; older ones that were sent whole are removed."""
        while self._held:
            if self._held[0].unsent_bytes:
                return self._held[0]
            self._held.pop(0).close()
        return None

    def sync(self) -> None:
        """Have the disk take what was written. Raises OSError."""
        for segment in tuple(self._held):
            segment.sync()

    def close(self) -> None:
        """Let go of them, for other processes to send."""
        for segment in self._held:
            segment.close()
        self._held = []

    def _left(self) -> list[Path]:
        """The files there, oldest first. Raises OSError for a folder that is not ours."""
        try:
            with OwnedFolder.open(self._folder) as folder:
                names = folder.names()
        except FileNotFoundError:
            return []
        return [self._folder / name for name in names if name.endswith(self._suffix)]

    def _take(self, path: Path) -> int:
        """Hold the file, unless it is not to be had; return how many messages went with it."""
        try:
            segment = Segment.adopt(path)
            if segment is None:
                return 0
            if self._suffix == ENDS and segment.age_s > messages.PROGRESS_EXPIRES_S:
                gone = segment.discard()
                segment.close()
                return gone
        except OSError as exc:  # the others may well be fit to read
            if path not in self._unusable:
                log.warning("messages of another process are not sent, as %s: %s", path, exc)
                self._unusable.add(path)
            return 0
        self._held.append(segment)
        return 0


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
            own = self._own = self._new_segment()
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

    def _new_segment(self) -> Segment:
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
