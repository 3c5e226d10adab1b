"""Temporary folders for fetched replays, gone when they are no longer needed.

Folders are named after their process: what a killed process left is removed by the next one. A
process id is not enough of a name: in a container every worker is process 1, and the temporary
folder may outlive the container. So the name also has when the process started.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from parsekit.errors import StorageUnavailable
from parsekit.storage.atomic import Folder

_PREFIX = "parsekit-"
#: Process id, start and what makes it unique. Older versions wrote no start.
_NAME = re.compile(rf"{_PREFIX}(\d+)(?:-(\d+))?-\w+")


@contextlib.contextmanager
def workspace() -> Iterator[Path]:
    """A fresh folder for the length of the block. Raises `StorageUnavailable` on a full disk."""
    try:
        folder = Path(tempfile.mkdtemp(prefix=_prefix(os.getpid())))
    except OSError as exc:
        reason = (exc.strerror or str(exc)).lower()
        raise StorageUnavailable(
            f"can't make a temporary folder in {tempfile.gettempdir()}: {reason}; "
            "free space there or set TMPDIR"
        ) from exc
    try:
        yield folder
    finally:
        with contextlib.suppress(OSError), Folder.open(folder.parent) as temporary:
            temporary.delete_own_tree(folder.name)


def sweep() -> None:
    """Remove folders of this user whose process is gone."""
    with contextlib.suppress(OSError), Folder.open(Path(tempfile.gettempdir())) as temporary:
        for name in temporary.names():
            named = _NAME.fullmatch(name)
            if named and not _runs(int(named[1]), named[2]):
                temporary.delete_own_tree(name)


@cache
def _prefix(pid: int) -> str:
    started = _started(pid)
    return f"{_PREFIX}{pid}-" if started is None else f"{_PREFIX}{pid}-{started}-"


os.register_at_fork(after_in_child=_prefix.cache_clear)


def _runs(pid: int, started: str | None) -> bool:
    """Whether this very process runs, as far as can be known: when in doubt, its folder stays."""
    now = _started(pid)
    return _alive(pid) and (None in (started, now) or started == now)


def _started(pid: int) -> str | None:
    """When it started: ticks since boot, which no change of the clock moves. None if nobody tells.

    Always by number: what is asked about others has to be what was noted about oneself, also where
    ``/proc`` is that of another namespace.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    return stat.rpartition(b")")[2].split()[19].decode()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
