"""Files of events that are kept on this machine: one JSON object a line, set aside when large.

Many threads and processes append to a file at once. The newest file has the plain name; those set
aside end in ``.1`` (the youngest) to ``.5``.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import time
from pathlib import Path

log = logging.getLogger("parsekit.event_log")

#: Size at which a file is set aside: some 50 000 analytics events.
ROTATE_BYTES = 16 * 1024 * 1024
#: How many files are kept besides the one that is written; the oldest is removed.
KEEP = 5
#: Longest wait for another process that writes, seconds; one that was stopped must not stop us.
LOCK_S = 0.5


class EventLog:
    """A file of lines that many threads and processes append to, set aside when it is large.

    ``what`` names the content in warnings, in the plural. ``lost`` counts lines not written.
    """

    def __init__(
        self,
        path: Path,
        rotate_bytes: int = ROTATE_BYTES,
        keep: int = KEEP,
        *,
        what: str = "analytics",
    ) -> None:
        self._path, self._rotate_bytes, self._keep = path, rotate_bytes, keep
        self._what = what
        self._refused = False
        self.lost = 0

    def append(self, line: bytes) -> None:
        """Write a line, whole or not at all. Raises nothing that a disk can cause."""
        try:
            self._append(line)
        except OSError as exc:
            self.lost += 1
            if not self._refused:
                log.warning("%s are lost, as %s can't be written: %s", self._what, self._path, exc)
            self._refused = True
        else:
            self._refused = False

    def _append(self, line: bytes) -> None:
        descriptor = self._open()
        try:
            locked = _lock(descriptor)
            while locked and self._is_full(descriptor, line):  # others may fill the new one
                descriptor = self._rotated(descriptor)
                locked = _lock(descriptor)
            _write(descriptor, line, take_back=locked)
        finally:
            os.close(descriptor)

    def _is_full(self, descriptor: int, line: bytes) -> bool:
        size_bytes = os.fstat(descriptor).st_size
        return size_bytes > 0 and size_bytes + len(line) > self._rotate_bytes

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        try:
            return os.open(self._path, flags, 0o640)
        except FileNotFoundError:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            return os.open(self._path, flags, 0o640)

    def _rotated(self, descriptor: int) -> int:
        """Set the file aside, unless somebody just did; answer the new one."""
        if self._path.exists() and os.path.samestat(os.fstat(descriptor), self._path.stat()):
            for number in range(self._keep, 0, -1):
                younger = aside(self._path, number - 1)
                if younger.exists():
                    younger.replace(aside(self._path, number))
        fresh = self._open()
        os.close(descriptor)
        return fresh


def aside(path: Path, number: int) -> Path:
    """The name of a file set aside; 0 is the one that is written."""
    return path.with_name(f"{path.name}.{number}") if number else path


def files_of(path: Path, keep: int = KEEP) -> list[Path]:
    """The files that are there, oldest first."""
    candidates = (aside(path, number) for number in range(keep, -1, -1))
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


def _write(descriptor: int, line: bytes, *, take_back: bool) -> None:
    written = os.write(descriptor, line)
    if written < len(line):
        if take_back:
            os.ftruncate(descriptor, os.fstat(descriptor).st_size - written)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
