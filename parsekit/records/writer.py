"""Files of lines that are kept on this machine, one JSON object a line, whoever appends.

Many threads and processes append to a file at once. `RotatedLog` sets a file aside when it is
large: the newest has the plain name, those set aside end in ``.1`` (the youngest), ``.2`` and so
on. `parsekit.records.day_log` keeps a file a day.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import threading
import time
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

from parsekit.config.appendable import begins_so
from parsekit.metrics import Metric
from parsekit.storage.atomic import Folder, NotOurs, OwnedFolder

log = logging.getLogger("parsekit.records")

#: Up to this share of that size lines are appended side by side: nobody sets the file aside yet.
ROOMY = 0.9
#: How often it is looked at whether somebody moved the file away, seconds.
LOOK_S = 1.0
#: Longest wait for another process that writes, seconds; one that was stopped must not stop us.
LOCK_S = 0.5


class LineLog:
    """A file of lines that many threads and processes append to.

    ``what`` names the content in warnings, in the plural. ``lost`` counts lines not written. The
    folder is ours alone where it is ``private``, else the group may read the files. A link,
    another user's file, or one that does not begin as each line does (``opening``) is neither
    written to nor renamed, removed or replaced.
    """

    def __init__(self, path: Path, *, what: str, opening: bytes = b"{", private: bool) -> None:
        self._path = path
        self._kind, self._mode = (OwnedFolder, 0o600) if private else (Folder, 0o640)
        self._what, self._opening = what, opening
        self._refused = False
        self._guard = threading.Lock()
        self._file = -1
        self._looked_at = float("-inf")
        self.lost = 0

    def losses(self, kind: str) -> Metric:
        """The number of lines not written, as that of a sink of such events."""
        return Metric(
            name="parsekit_sink_lost_total",
            help="Messages that were given up.",
            kind="counter",
            value=self.lost,
            labels={"sink": f"{kind}_file", "kind": kind, "reason": "unwritable"},
        )

    def append(self, line: bytes) -> None:
        """Write a line, whole or not at all. Raises nothing that a disk can cause."""
        try:
            with self._guard:
                self._append(line)
        except OSError as exc:
            self.lost += 1
            if not self._refused:
                log.warning("%s are lost, as %s can't be written: %s", self._what, self._path, exc)
            self._refused = True
        else:
            self._refused = False

    def close(self) -> None:
        """Let go of the file; the next line opens it again."""
        with self._guard:
            self._close()

    def _append(self, line: bytes) -> None:
        append_whole(self._there(), line)

    def _there(self) -> int:
        """The file, opened anew where it was removed."""
        if not os.fstat(self._at_hand()).st_nlink:
            self._close()
        return self._at_hand()

    def _at_hand(self) -> int:
        """The file, opened once and looked for again from time to time."""
        now = time.monotonic()
        if now - self._looked_at > LOOK_S:
            self._looked_at = now
            self._close()
        if self._file < 0:
            self._file = self._open()
        return self._file

    def _close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _open(self) -> int:
        with self._folder() as folder:
            return self._lines(folder, self._path.name, os.O_APPEND | os.O_CREAT)

    def _folder(self) -> Folder:
        return self._kind.open(self._path.parent, make=True)

    def _lines(self, folder: Folder, name: str, flags: int) -> int:
        """Open a file of such lines. Raises `NotOurs` for one that holds something else."""
        descriptor = folder.own_file(name, os.O_RDWR | flags, self._mode)
        if not begins_so(descriptor, self._opening):
            os.close(descriptor)
            raise NotOurs(errno.EPERM, f"it holds no {self._what}", str(folder.path / name))
        return descriptor


class RotatedLog(LineLog):
    """One that is set aside at ``rotate_bytes``; ``keep`` of those are kept, the oldest goes."""

    def __init__(
        self,
        path: Path,
        rotate_bytes: int,
        keep: int,
        *,
        what: str = "records",
        opening: bytes = b"{",
        private: bool = True,
    ) -> None:
        super().__init__(path, what=what, opening=opening, private=private)
        self._rotate_bytes, self._keep = rotate_bytes, keep

    def _append(self, line: bytes) -> None:
        if not self._append_beside_others(self._there(), line):
            self._append_locked(line)

    def _append_beside_others(self, descriptor: int, line: bytes) -> bool:
        """Append while there is room for everybody; False when the file has to be had alone.

        The lock is shared. Without it others could fill the file, and set it aside, between the
        look at its size and the line.
        """
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # nothing can be locked here
            log.debug("%s can't be locked", self._path)
        try:
            if os.fstat(descriptor).st_size + len(line) > ROOMY * self._rotate_bytes:
                return False
            append_whole(descriptor, line)
            return True
        finally:
            with suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_UN)

    def _append_locked(self, line: bytes) -> None:
        """Set the file aside when it is full."""
        self._close()
        descriptor = self._open()
        try:
            locked = _lock(descriptor)
            while locked and self._is_full(descriptor, line):  # others may fill the new one
                descriptor = self._rotated(descriptor)
                locked = _lock(descriptor)
            append_whole(descriptor, line)
        finally:
            os.close(descriptor)

    def _is_full(self, descriptor: int, line: bytes) -> bool:
        size_bytes = os.fstat(descriptor).st_size
        return size_bytes > 0 and size_bytes + len(line) > self._rotate_bytes

    def _rotated(self, descriptor: int) -> int:
        """Set the file aside, unless somebody just did; return the new one."""
        with self._kind.open(self._path.parent) as folder:
            if folder.same(self._path.name, descriptor):
                names = [rotated(self._path, number).name for number in range(self._keep, -1, -1)]
                for name in names:
                    with suppress(FileNotFoundError):
                        os.close(self._lines(folder, name, 0))
                for older, younger in pairwise(names):
                    folder.rename_own(younger, older)
        fresh = self._open()
        os.close(descriptor)
        return fresh


def rotated(path: Path, number: int) -> Path:
    """The name of a file set aside; 0 is the one that is written."""
    return path.with_name(f"{path.name}.{number}") if number else path


def files_of(path: Path, keep: int) -> list[Path]:
    """The files that are there, oldest first."""
    candidates = (rotated(path, number) for number in range(keep, -1, -1))
    return [file for file in candidates if file.exists()]


def _lock(descriptor: int) -> bool:
    """Keep others from writing; False when one does not let go in time, or nothing can be locked.

    Then the line is appended all the same, and the file is not set aside.
    """
    end = time.monotonic() + LOCK_S
    while time.monotonic() < end:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.005)
        except OSError:
            return False
        else:
            return True
    return False


def append_whole(descriptor: int, line: bytes) -> None:
    """Append; what found no room as a whole is taken back, unless somebody wrote behind it.

    Raises OSError.
    """
    written = os.write(descriptor, line)
    if written == len(line):
        return
    end = os.lseek(descriptor, 0, os.SEEK_CUR)
    if end == os.fstat(descriptor).st_size:
        os.ftruncate(descriptor, end - written)
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
