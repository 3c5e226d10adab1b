"""Objects as files below one folder of the local disk."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from parsekit.config import FolderSettings
from parsekit.defaults.drafts import Drafts
from parsekit.defaults.folder import RESULTS_PREFIX
from parsekit.disk_errors import storage_errors
from parsekit.download import blocks_of, save_whole, small_enough
from parsekit.errors import BadRequest, ReplayNotFound, StorageDenied
from parsekit.keys import checked_key
from parsekit.providers import ObjectInfo, ProviderContext, Storage


def open_folder(context: ProviderContext) -> Storage:
    """Make the storage that ``folder.path`` names: a local folder, or an fsspec URL."""
    path = _configured_path(context)
    if "://" not in path:
        return FolderStorage(context)
    from parsekit.defaults.url_storage import UrlStorage  # noqa: PLC0415  (imports fsspec)

    return UrlStorage(path)


def _configured_path(context: ProviderContext) -> str:
    settings = context.settings
    if isinstance(settings, FolderSettings) and settings.path:
        return settings.path.removeprefix("file://").removeprefix("local://")
    return str(context.data_dir / "results")


class FolderStorage:
    """A local folder.

    A file appears under its key whole and on disk, or not at all, whatever happens to the
    process. Symbolic links that lead out of the folder are refused.
    """

    def __init__(self, context: ProviderContext) -> None:
        self.root = Path(_configured_path(context)).expanduser().absolute()
        self._drafts = Drafts(self.root)

    @property
    def results_prefix(self) -> str:
        """The folder of results."""
        return RESULTS_PREFIX

    def head(self, key: str) -> ObjectInfo:
        """Hash the file: a local disk is fast, and the content then finds its result by itself."""
        digest, size_bytes = hashlib.sha256(), 0
        with self._opened(key) as file:
            for block in blocks_of(file):
                digest.update(block)
                size_bytes += len(block)
        return ObjectInfo(key=key, size_bytes=size_bytes, sha256=digest.hexdigest())

    def fetch(self, key: str, target: Path, *, max_bytes: int) -> ObjectInfo:
        """Copy the file; see `Storage.fetch`."""
        with self._opened(key) as file:
            found = ObjectInfo(key=key, size_bytes=os.fstat(file.fileno()).st_size)
            return save_whole(blocks_of(file), target, found=found, max_bytes=max_bytes)

    def read(self, key: str) -> bytes | None:
        """Read the file; see `Storage.read`."""
        try:
            with self._opened(key) as file:
                size_bytes = os.fstat(file.fileno()).st_size
                return file.read(size_bytes) if small_enough(size_bytes, key) else None
        except ReplayNotFound:
            return None

    def write(self, key: str, body: bytes, *, replace: bool = True) -> bool:
        """Store the file and wait until it is on the disk; see `Storage.write`."""
        path = self._place(key)
        with storage_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            return self._drafts.publish(path, body, replace=replace)

    def delete(self, key: str) -> None:
        """Remove the file; see `Storage.delete`."""
        path = self._place(key)
        with storage_errors(path):
            try:
                path.unlink(missing_ok=True)
            except NotADirectoryError:
                return

    def close(self) -> None:
        """Nothing is held open."""

    def _place(self, key: str) -> Path:
        """Where the file of this key stands; only folders that are really inside are entered."""
        path = self._named(key)
        self._resolved(path.parent)
        return path

    def _named(self, key: str) -> Path:
        path = self.root / checked_key(key)
        if self._drafts.owns(path):
            raise BadRequest(f"object key {key!r} is kept for unfinished files; choose another")
        return path

    def _resolved(self, path: Path) -> Path:
        real = Path(os.path.realpath(path))
        if not real.is_relative_to(os.path.realpath(self.root)):
            raise StorageDenied(f"{path} leads out of {self.root} by a symbolic link; remove it")
        return real

    @contextmanager
    def _opened(self, key: str) -> Iterator[BinaryIO]:
        path = self._named(key)
        missing = ReplayNotFound(f"there is no file {path}")
        # O_NONBLOCK: opening a named pipe that nobody writes to would wait for ever
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
        with storage_errors(path, missing=missing):
            number = os.open(self._resolved(path), flags)
        try:
            if not stat.S_ISREG(os.fstat(number).st_mode):
                raise missing
            with storage_errors(path), os.fdopen(number, "rb", closefd=False) as file:
                yield file
        finally:
            os.close(number)
