"""Files of messages that nobody writes any more: what processes that died have left to others."""

from __future__ import annotations

import logging
from pathlib import Path

from parsekit import OwnedFolder
from parsekit_sinks_rabbitmq import message
from parsekit_sinks_rabbitmq.segment import Segment

log = logging.getLogger("parsekit.rabbitmq")

#: Files of analytics, and of the ends of tasks (`journal.py`), which have room of their own.
SPOOL, ENDS = ".spool", ".ends"
#: So many files are held open at once, however many were left: a process may open 1024 by default.
MOST_HELD = 16


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
        they never fill the disk; answers how many.
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
        """Hold the file, unless it is not to be had; answer how many messages went with it."""
        try:
            segment = Segment.adopt(path)
            if segment is None:
                return 0
            if self._suffix == ENDS and segment.age_s > message.PROGRESS_EXPIRES_S:
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
