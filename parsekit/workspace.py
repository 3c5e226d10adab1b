"""Temporary folders for fetched replays, gone when they are no longer needed.

Folders are named after their process: what a killed process left is removed by the next one.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from parsekit.errors import StorageUnavailable

_PREFIX = "parsekit-"
_NAME = re.compile(rf"{_PREFIX}(\d+)-\w+")


@contextlib.contextmanager
def workspace() -> Iterator[Path]:
    """A fresh folder for the length of the block. Raises `StorageUnavailable` on a full disk."""
    try:
        folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
    except OSError as exc:
        reason = (exc.strerror or str(exc)).lower()
        raise StorageUnavailable(
            f"can't make a temporary folder in {tempfile.gettempdir()}: {reason}; "
            "free space there or set TMPDIR"
        ) from exc
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep() -> None:
    """Remove folders of this user whose process is gone."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        named = _NAME.fullmatch(folder.name)
        with contextlib.suppress(OSError):
            mine = folder.stat(follow_symlinks=False).st_uid == os.geteuid()
            if named and mine and folder.is_dir() and not _alive(int(named[1])):
                shutil.rmtree(folder, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
