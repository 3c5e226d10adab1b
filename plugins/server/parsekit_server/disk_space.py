"""Whether the disk has room for more.

Without it the server is read-only: it takes no uploads and begins no parses, and goes on to answer,
change and delete what it has.
"""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from parsekit_server.errors import DiskFull

log = logging.getLogger("parsekit.server")

#: No space, a quota of the user's, a limit of the process.
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_MIB = 1024 * 1024


class DiskSpace:
    """Room on the disk of a folder, of which so much is to stay free."""

    def __init__(self, folder: Path, *, reserve_bytes: int) -> None:
        self._folder = folder
        self._reserve_bytes = reserve_bytes
        self._was_full = False

    def free_bytes(self) -> int:
        """What this user may still write."""
        found = os.statvfs(self._folder)
        return found.f_bavail * found.f_frsize

    def total_bytes(self) -> int:
        """All of the disk."""
        found = os.statvfs(self._folder)
        return found.f_blocks * found.f_frsize

    def is_full(self) -> bool:
        """Whether the server is read-only; the log has when that began and ended."""
        free = self.free_bytes()
        full = free < self._reserve_bytes
        if full and not self._was_full:
            log.error("read-only: %s; free some, uploads are taken again then", self._told(free))
        if self._was_full and not full:
            log.warning("no longer read-only: the disk has %d MiB free", free // _MIB)
        self._was_full = full
        return full

    def check(self) -> None:
        """Raise `DiskFull` while the server is read-only."""
        if self.is_full():
            raise DiskFull(f"the server is read-only: {self._told(self.free_bytes())}")

    def _told(self, free: int) -> str:
        return (
            f"its disk has {free // _MIB} MiB free, less than the"
            f" {self._reserve_bytes // _MIB} MiB of server.reserve_bytes"
        )


@contextmanager
def refusals_of_the_disk() -> Iterator[None]:
    """Turn what the system says when a file can't grow into `DiskFull`."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        reason = (error.strerror or str(error)).lower()
        raise DiskFull(f"the upload can't be kept: {reason}; try again later") from error
