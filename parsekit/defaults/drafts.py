"""Files on their way: written aside and put in place in one step when they are on the disk."""

from __future__ import annotations

import errno
import os
import time
import uuid
from pathlib import Path

#: A write takes moments, so a draft this old lost its writer.
ABANDONED_AFTER_S = 3600.0

_NO_HARD_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.ENOSYS})


class Drafts:
    """The unfinished files of one folder.

    They share a hidden folder at its root: renaming within one disk is atomic, and what a killed
    writer left is found without searching among the objects.
    """

    def __init__(self, root: Path) -> None:
        self.folder = root / ".parsekit-drafts"
        self._swept = False

    def owns(self, path: Path) -> bool:
        """Whether this path is a draft's, so that no key may name it."""
        return path.is_relative_to(self.folder)

    def publish(self, path: Path, body: bytes, *, replace: bool) -> bool:
        """Put a whole file in place; False when one is there and stays. Raises OSError."""
        self._sweep()
        draft = self._written(body)
        try:
            done = _moved(draft, path) if replace else _linked(draft, path)
        finally:
            draft.unlink(missing_ok=True)
        _sync_folder(path.parent)
        return done

    def _written(self, body: bytes) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        draft = self.folder / uuid.uuid4().hex
        try:
            with draft.open("xb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        return draft

    def _sweep(self) -> None:
        """Remove, once a process, what killed writers left."""
        if self._swept:
            return
        self._swept = True
        for draft in self.folder.glob("*"):
            try:
                if time.time() - draft.stat().st_mtime > ABANDONED_AFTER_S:
                    draft.unlink()
            except OSError:  # another process swept it, or it is not ours to remove
                continue


def _moved(draft: Path, path: Path) -> bool:
    draft.replace(path)
    return True


def _linked(draft: Path, path: Path) -> bool:
    """Give the draft its name unless that is taken, which the system decides in one step."""
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        return False
    except OSError as exc:
        if exc.errno not in _NO_HARD_LINKS:
            raise
        return not path.exists() and _moved(draft, path)
    return True


def _sync_folder(folder: Path) -> None:
    """Wait until the new name is on the disk too."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    finally:
        os.close(number)
