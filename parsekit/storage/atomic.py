"""Folders held by a descriptor: the one way in which parsekit writes, renames and deletes files.

A path is looked up anew at each use, and who can write to a folder on the way can have put a
symbolic link there meanwhile. So a folder is opened once, and what happens in it happens by its
descriptor, to names of one component, and follows no link.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import time
import uuid
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Self

#: A write takes moments, so a draft this old has lost its writer, seconds.
ABANDONED_AFTER_S = 3600.0
#: How the names of unfinished files begin; no object, result or record may have such a name.
DRAFT = ".parsekit-draft"

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
#: Without O_NONBLOCK, opening a named pipe that nobody writes to would wait for ever.
_FILE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NO_HARD_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.ENOSYS})


class NotOurs(OSError):
    """What stands there is not touched: a link (ELOOP), no regular file, or another user's."""


class Folder:
    """A folder that the user named, whoever owns it, held open until it is closed.

    Links in its own path are the user's, and are followed; below it none is. New files and folders
    get the modes that the umask leaves. Methods raise OSError: `NotOurs` for what is not touched.
    """

    _folder_mode, _file_mode = 0o777, 0o666
    _flags = _FOLDER

    def __init__(self, place: str, descriptor: int) -> None:
        self._where = place
        self.descriptor = descriptor

    @property
    def path(self) -> Path:
        """Where it was found; who can write there may have put something else there since."""
        return Path(self._where)

    @classmethod
    def open(cls, path: Path, *names: str, make: bool = False) -> Self:
        """Hold this folder, or one so many levels below it.

        With ``make`` it is made where there is none, and those above it.
        """
        place = str(path)
        try:
            folder = cls._held(place, place, cls._flags, None)
        except FileNotFoundError:
            if not make:
                raise
            _make(path, cls._folder_mode)
            folder = cls._held(place, place, cls._flags, None)
        with folder as held:
            return held.below(*names, make=make)

    @classmethod
    def within(cls, parent: Folder, name: str, *, make: bool = False) -> Self:
        """Hold a folder that stands in another."""
        place = f"{parent._where}/{_one(name)}"
        flags = _FOLDER | os.O_NOFOLLOW
        try:
            return cls._held(place, name, flags, parent.descriptor)
        except FileNotFoundError:
            if not make:
                raise
        with suppress(FileExistsError):
            os.mkdir(name, cls._folder_mode, dir_fd=parent.descriptor)
        return cls._held(place, name, flags, parent.descriptor)

    @classmethod
    def _held(cls, place: str, name: str, flags: int, parent: int | None) -> Self:
        try:
            folder = cls(place, os.open(name, flags, dir_fd=parent))
        except OSError as exc:
            raise _seen(place, exc, name, parent) from exc
        try:
            folder._check()
        except OSError:
            folder.close()
            raise
        return folder

    def _check(self) -> None:
        """Raise `NotOurs` for a folder that may not be used."""

    def _check_name(self, name: str) -> None:
        """Raise `NotOurs` for a name that may not be replaced or removed."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of it."""
        os.close(self.descriptor)

    def below(self, *names: str, make: bool = False) -> Self:
        """Hold a folder so many levels below this one."""
        held = type(self)(self._where, os.dup(self.descriptor))
        for name in names:
            with held:
                held = self.within(held, name, make=make)
        return held

    def file(self, name: str, flags: int = os.O_RDONLY, mode: int | None = None) -> int:
        """Open a regular file, whoever owns it; return its descriptor."""
        given = self._file_mode if mode is None else mode
        try:
            descriptor = os.open(_one(name), flags | _FILE, given, dir_fd=self.descriptor)
        except OSError as exc:
            raise _seen(str(self.path / name), exc, name, self.descriptor) from exc
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            path = str(self.path / name)
            raise NotOurs(errno.EPERM, "something else than a file stands there", path)
        return descriptor

    def own_file(self, name: str, flags: int, mode: int | None = None) -> int:
        """Open a regular file of ours, to write into what is there; return its descriptor."""
        descriptor = self.file(name, flags & ~os.O_TRUNC, mode)
        owner = os.fstat(descriptor).st_uid
        if not self._is_us(owner):
            os.close(descriptor)
            raise NotOurs(errno.EPERM, f"it belongs to user {owner}", str(self.path / name))
        return descriptor

    def read(self, name: str) -> bytes:
        """The content of a regular file."""
        with os.fdopen(self.file(name), "rb") as file:
            return file.read()

    def write(
        self,
        name: str,
        blocks: Iterable[bytes],
        *,
        replace: bool = True,
        sync: bool = False,
        drafts: Folder | None = None,
    ) -> bool:
        """Put a whole file in place in one step; False when one is there and stays.

        An error that ``blocks`` raises leaves nothing. With ``sync`` the file and its name are on
        the disk at the end. ``drafts`` is where it grows, a folder of the same disk.
        """
        at, draft = drafts or self, _draft_name()
        try:
            new = at.file(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, self._file_mode)
            _fill(new, blocks, sync=sync)
            done = self._place(at.descriptor, draft, _one(name), replace=replace)
        finally:
            _unlink(draft, at.descriptor)
        if sync:
            os.fsync(self.descriptor)
        return done

    def _place(self, drafts: int, draft: str, name: str, *, replace: bool) -> bool:
        """Give the draft its name, which the system does in one step."""
        self._check_name(name)
        if not replace:
            try:
                os.link(draft, name, src_dir_fd=drafts, dst_dir_fd=self.descriptor)
            except FileExistsError:
                return False
            except OSError as exc:
                if exc.errno not in _NO_HARD_LINKS:
                    raise
                if self._found(name) is not None:
                    return False
            else:
                return True
        os.replace(draft, name, src_dir_fd=drafts, dst_dir_fd=self.descriptor)
        return True

    def rename_own(self, old: str, new: str) -> None:
        """Give a file of ours another name, in place of a file of ours; nothing without one."""
        for name in (old, new):
            if self._found(name) is not None and not self._is_own(name):
                raise NotOurs(errno.EPERM, "no file of ours stands there", str(self.path / name))
        with suppress(FileNotFoundError):
            os.replace(old, new, src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor)

    def delete(self, name: str) -> None:
        """Remove a name that is no folder's; nothing without one."""
        self._check_name(name)
        _unlink(_one(name), self.descriptor)

    def delete_own(self, name: str) -> None:
        """Remove a regular file of ours, and nothing else."""
        if self._is_own(name):
            self.delete(name)

    def delete_own_tree(self, name: str) -> None:
        """Remove a folder of ours with all that is in it, as far as the system lets us."""
        if self._is_own_dir(name):
            shutil.rmtree(name, ignore_errors=True, dir_fd=self.descriptor)

    def own_names(self, suffix: str = "") -> list[str]:
        """Names of the regular files in it that are ours and end so, in their order."""
        return [name for name in self.names() if name.endswith(suffix) and self._is_own(name)]

    def own_folders(self, suffix: str = "") -> list[str]:
        """Names of the folders in it that are ours and end so, in their order."""
        return [name for name in self.names() if name.endswith(suffix) and self._is_own_dir(name)]

    def sweep_drafts(self) -> None:
        """Remove what writers left that were killed."""
        for name in self.names():
            found = self._found(name) if name.startswith(DRAFT) else None
            if found is not None and time.time() - found.st_mtime > ABANDONED_AFTER_S:
                self.delete_own(name)

    def names(self) -> list[str]:
        """Every name in it, in their order."""
        with os.scandir(self.descriptor) as entries:
            return sorted(entry.name for entry in entries)

    def same(self, name: str, descriptor: int) -> bool:
        """Whether the name stands for this open file."""
        found = self._found(name)
        return found is not None and os.path.samestat(found, os.fstat(descriptor))

    def _found(self, name: str) -> os.stat_result | None:
        with suppress(FileNotFoundError):
            return os.stat(_one(name), dir_fd=self.descriptor, follow_symlinks=False)
        return None

    def _is_own(self, name: str) -> bool:
        found = self._found(name)
        return found is not None and stat.S_ISREG(found.st_mode) and self._is_us(found.st_uid)

    def _is_own_dir(self, name: str) -> bool:
        found = self._found(name)
        return found is not None and stat.S_ISDIR(found.st_mode) and self._is_us(found.st_uid)

    def _is_us(self, owner: int) -> bool:
        return owner == os.geteuid() or owner == self._mapped_owner()

    def _mapped_owner(self) -> int | None:
        """Who owns what we make here: a server may map all its users to one. None if we can't."""
        probe = _draft_name()
        try:
            descriptor = self.file(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        except OSError:
            return None
        try:
            return os.fstat(descriptor).st_uid
        finally:
            os.close(descriptor)
            _unlink(probe, self.descriptor)


class OwnedFolder(Folder):
    """A folder that is ours alone: nobody else reads what is in it, mode 0700 and files 0600.

    It is not followed where it is a link, and is `NotOurs` where another user owns it, but root: a
    volume that is mounted for us may be root's.
    """

    _folder_mode, _file_mode = 0o700, 0o600
    _flags = _FOLDER | os.O_NOFOLLOW

    def _check(self) -> None:
        owner = os.fstat(self.descriptor).st_uid
        if owner != 0 and not self._is_us(owner):
            raise NotOurs(errno.EPERM, f"it belongs to user {owner}", str(self.path))

    def _check_name(self, name: str) -> None:
        found = self._found(name)
        if found is not None and not self._is_us(found.st_uid):
            owner, path = found.st_uid, self.path / name
            raise NotOurs(errno.EPERM, f"it belongs to user {owner}", str(path))


def _make(path: Path, mode: int) -> None:
    with suppress(FileExistsError):
        try:
            path.mkdir(mode)
        except FileNotFoundError:
            _make(path.parent, mode)
            path.mkdir(mode)


def _unlink(name: str, dir_fd: int) -> None:
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=dir_fd)


def _draft_name() -> str:
    return f"{DRAFT}-{uuid.uuid4().hex}"


def _fill(descriptor: int, blocks: Iterable[bytes], *, sync: bool) -> None:
    """Write all of it and close the file."""
    with os.fdopen(descriptor, "wb") as file:
        file.writelines(blocks)
        file.flush()
        if sync:
            os.fsync(descriptor)


def _one(name: str) -> str:
    """A name of one component. Raises ValueError for any other, which no caller may let through."""
    if "/" in name or name in {"", ".", ".."}:
        raise ValueError(f"{name!r} is no name of one file")
    return name


def _seen(place: str, exc: OSError, name: str, parent: int | None) -> OSError:
    """The error with the whole path in it; for a link the one that says so."""
    if exc.errno in (errno.ELOOP, errno.ENOTDIR):
        with suppress(OSError):
            found = os.stat(name, dir_fd=parent, follow_symlinks=False)
            if stat.S_ISLNK(found.st_mode):
                return NotOurs(errno.ELOOP, "a symbolic link stands there", place)
    return OSError(exc.errno, exc.strerror, place)
