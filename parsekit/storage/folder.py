"""Objects as files below one folder of the local disk."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from parsekit.config import FolderSettings
from parsekit.errors import BadRequest, ReplayNotFound, StorageDenied
from parsekit.providers import ObjectInfo, ProviderContext, Storage
from parsekit.storage.atomic import DRAFT, Folder, NotOurs, OwnedFolder
from parsekit.storage.folder_plugin import RESULTS_PREFIX
from parsekit.storage.keys import checked_key
from parsekit.storage.os_errors import storage_errors
from parsekit.storage.transfer import blocks_of, save_whole, small_enough


def open_folder(context: ProviderContext) -> Storage:
    """Make the storage that ``folder.path`` names: a local folder, or an fsspec URL."""
    path = _named_path(context)
    if path is None or "://" not in path:
        return FolderStorage(context)
    from parsekit.storage.fsspec_url import UrlStorage  # noqa: PLC0415  (imports fsspec)

    return UrlStorage(path)


def _named_path(context: ProviderContext) -> str | None:
    """``folder.path``, None where results are kept in the data folder."""
    settings = context.settings
    if isinstance(settings, FolderSettings) and settings.path:
        return settings.path.removeprefix("file://").removeprefix("local://")
    return None


class FolderStorage:
    """A local folder.

    A file appears under its key whole and on disk, or not at all, whatever happens to the
    process. Links are followed as far as they stay in the folder, and when they are, the way goes
    through folders alone: nobody can lead it out meanwhile. In the data folder, what is stored is
    the user's alone; in a folder that was named, others may have what the umask lets them.
    """

    def __init__(self, context: ProviderContext) -> None:
        named = _named_path(context)
        self.root = Path(named or context.data_dir / "results").expanduser().absolute()
        self._kind = Folder if named else OwnedFolder
        #: Each user's own, as several may share the folder.
        self._drafts = f"{DRAFT}s-{os.geteuid()}"
        self._swept = False

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
        *names, name = self._names(key)
        with (
            storage_errors(self.root / key),
            self._kind.open(self.root, make=True) as root,
            self._below(root, names, make=True) as folder,
            self._drafts_in(root) as drafts,
        ):
            return folder.write(name, (body,), replace=replace, sync=True, drafts=drafts)

    def delete(self, key: str) -> None:
        """Remove the file; see `Storage.delete`."""
        try:
            with self._parent(key) as (folder, name):
                folder.delete(name)
        except ReplayNotFound:
            return

    def close(self) -> None:
        """Nothing is held open."""

    @contextmanager
    def _parent(self, key: str) -> Iterator[tuple[Folder, str]]:
        """The folder in which the file of this key stands, and its name there."""
        *names, name = self._names(key)
        path = self.root / key
        with storage_errors(path, missing=ReplayNotFound(f"there is no file {path}")):
            with self._kind.open(self.root) as root:
                folder = self._below(root, names)
            with folder:
                yield folder, name

    def _below(self, root: Folder, names: Sequence[str], *, make: bool = False) -> Folder:
        try:
            return root.below(*names, make=make)
        except NotOurs as exc:
            if exc.errno != errno.ELOOP:
                raise
            return root.below(*self._inside(names), make=make)

    def _inside(self, names: Sequence[str]) -> tuple[str, ...]:
        """Where links on this way lead, from the root. Raises `StorageDenied` for out of it."""
        root, path = Path(os.path.realpath(self.root)), self.root.joinpath(*names)
        real = Path(os.path.realpath(path))
        if not real.is_relative_to(root):
            raise StorageDenied(f"{path} leads out of {root} by a symbolic link; remove it")
        return real.relative_to(root).parts

    def _drafts_in(self, root: Folder) -> Folder:
        """Where files grow; what killed writers left there is removed once a process."""
        drafts = OwnedFolder.within(root, self._drafts, make=True)
        if not self._swept:
            self._swept = True
            drafts.sweep_drafts()
        return drafts

    def _names(self, key: str) -> Sequence[str]:
        names = checked_key(key).split("/")
        if names[0].startswith(DRAFT):
            raise BadRequest(f"object key {key!r} is kept for unfinished files; choose another")
        return names

    @contextmanager
    def _opened(self, key: str) -> Iterator[BinaryIO]:
        with self._parent(key) as (folder, name):
            try:
                descriptor = folder.file(name)
            except NotOurs as exc:
                if exc.errno != errno.ELOOP:
                    raise ReplayNotFound(f"there is no file {self.root / key}") from exc
                *names, real_name = self._inside(self._names(key))
                with self._kind.open(self.root) as root, root.below(*names) as real:
                    descriptor = real.file(real_name)
            with os.fdopen(descriptor, "rb") as file:
                yield file
