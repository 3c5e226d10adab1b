"""Where a replay comes from: a key in the storage, a file of the user's, or any fsspec URL."""

from __future__ import annotations

import errno
import hashlib
import re
import stat
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

from parsekit.errors import (
    ConfigInvalid,
    InvalidReplay,
    ParsekitError,
    ReplayNotFound,
    ReplayTooLarge,
    StorageDenied,
    StorageUnavailable,
)
from parsekit.model import Request
from parsekit.storage.fsspec_errors import answer_of, behind, is_missing, is_refused, missing_driver
from parsekit.storage.keys import checked_key

if TYPE_CHECKING:
    from parsekit.providers import ObjectInfo, Storage

_CHUNK_BYTES = 1 << 20
#: A plain S3 put answers the MD5 of the content; any other ETag only tells that an object changed.
_MD5 = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What is known of a replay before it is fetched.

    ``fingerprint`` tells equal contents apart from different ones, and is safe in an object key;
    None where only reading the whole replay would tell.
    """

    fingerprint: str | None
    size_bytes: int


class Source(Protocol):
    """One replay that can be looked at and fetched."""

    def stat(self, max_bytes: int) -> Content:
        """Say what is there, cheaply.

        Raises `ReplayNotFound`, the storage errors, and `ReplayTooLarge` before reading anything.
        """
        ...

    def fetch(self, target: Path, max_bytes: int) -> str | None:
        """Copy the replay to ``target``; return its fingerprint by ETag, None where there is none.

        Raises `ReplayTooLarge` and the errors of `stat`.
        """
        ...


def open_source(request: Request, storage: Storage) -> Source:
    """The source that a request names. Raises `BadRequest` for a malformed key."""
    if request.place == "storage":
        return StoredReplay(storage, checked_key(request.replay))
    if "://" in request.replay:
        return UrlReplay(request.replay)
    return LocalReplay(Path(request.replay))


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, lower-case hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fingerprint_of(info: ObjectInfo) -> str | None:
    """Name the content of a stored object without reading it.

    An ETag that is no MD5 (multipart, encrypted, or a server of its own mind) says only whether
    this very object changed, so its key joins in: two objects never share a result by accident.
    """
    if info.sha256:
        return info.sha256
    if not info.etag:
        return None
    if _MD5.fullmatch(info.etag):
        return f"{info.etag}-{info.size_bytes}"
    named = f"{info.key}\n{info.etag}\n{info.size_bytes}"
    return hashlib.sha256(named.encode()).hexdigest() + "-e"


@dataclass(frozen=True, slots=True)
class StoredReplay:
    """A key in the configured storage."""

    storage: Storage
    key: str

    def stat(self, max_bytes: int) -> Content:
        """One HEAD."""
        info = self.storage.head(self.key)
        _refuse_large(self.key, info.size_bytes, max_bytes)
        return Content(fingerprint=fingerprint_of(info), size_bytes=info.size_bytes)

    def fetch(self, target: Path, max_bytes: int) -> str | None:
        """One GET, which may find another object than the HEAD before it."""
        info = self.storage.fetch(self.key, target, max_bytes=max_bytes)
        return fingerprint_of(replace(info, sha256=None))


@dataclass(frozen=True, slots=True)
class LocalReplay:
    """A file on this machine. It is copied before use, so that it may change or vanish after."""

    path: Path

    def stat(self, max_bytes: int) -> Content:
        """Size, and the SHA-256 of the content (about 1 ms a MB)."""
        with self._reading():
            size = self._regular_size()
            _refuse_large(str(self.path), size, max_bytes)
            return Content(fingerprint=sha256_of(self.path), size_bytes=size)

    def fetch(self, target: Path, max_bytes: int) -> None:
        """Copy, never more than ``max_bytes``."""
        with self._reading():
            self._regular_size()
            with self.path.open("rb") as file, target.open("wb") as copy:
                copy_bounded(file, copy, max_bytes)

    def read(self, max_bytes: int) -> bytes:
        """The content as it is now. Raises `ReplayTooLarge` and the errors of `stat`."""
        with self._reading():
            _refuse_large(str(self.path), self._regular_size(), max_bytes)
            copy = BytesIO()
            with self.path.open("rb") as file:
                copy_bounded(file, copy, max_bytes)
            return copy.getvalue()

    def _regular_size(self) -> int:
        facts = self.path.stat()
        if not stat.S_ISREG(facts.st_mode):
            kind = "a folder" if stat.S_ISDIR(facts.st_mode) else "not a regular file"
            raise InvalidReplay(f"{self.path} is {kind}; name a .replay file")
        return facts.st_size

    def _reading(self) -> _Translated:
        return _Translated(str(self.path))


@dataclass(frozen=True, slots=True)
class UrlReplay:
    """Anything that fsspec reads; the URL comes from the user of a command line, never a task."""

    url: str

    def stat(self, max_bytes: int) -> Content:
        """Size only: what a URL's metadata says of its content differs from store to store."""
        with _Translated(self.url):
            filesystem, path = self._opened()
            size = int(filesystem.info(path).get("size") or 0)
            _refuse_large(self.url, size, max_bytes)
            return Content(fingerprint=None, size_bytes=size)

    def fetch(self, target: Path, max_bytes: int) -> None:
        """Stream to disk, never more than ``max_bytes``."""
        with _Translated(self.url):
            filesystem, path = self._opened()
            with filesystem.open(path, "rb") as file, target.open("wb") as copy:
                copy_bounded(file, copy, max_bytes)

    def _opened(self) -> tuple[Any, str]:
        from fsspec.core import url_to_fs  # noqa: PLC0415  (costs 40 ms, few need it)

        filesystem, path = url_to_fs(self.url)
        return filesystem, path


def _refuse_large(name: str, size_bytes: int, max_bytes: int) -> None:
    if size_bytes > max_bytes:
        raise ReplayTooLarge(
            f"{name} has {size_bytes} bytes, more than limits.replay_bytes ({max_bytes}); "
            "is it a replay?"
        )


def copy_bounded(source: IO[bytes], target: IO[bytes], max_bytes: int) -> None:
    """Copy a stream. Raises `ReplayTooLarge` once it exceeds ``max_bytes``."""
    copied = 0
    while chunk := source.read(_CHUNK_BYTES):
        copied += len(chunk)
        if copied > max_bytes:
            raise ReplayTooLarge(
                f"is larger than limits.replay_bytes ({max_bytes} bytes); is it a replay?"
            )
        target.write(chunk)


class _Translated:
    """Turn what reading may raise into published errors."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None or isinstance(error, ParsekitError) or not isinstance(error, Exception):
            return
        raise _published(self._name, error) from error


def _published(name: str, error: Exception) -> ParsekitError:
    error = behind(error)
    reason = _reason(error)
    if is_missing(error):
        return ReplayNotFound(f"{name}: no such file")
    if is_refused(error):
        return StorageDenied(f"{name}: can't be read: {reason}; check your access")
    if isinstance(error, OSError) and error.errno in (errno.ELOOP, errno.ENAMETOOLONG):
        return ReplayNotFound(f"{name}: can't be the name of a file: {reason}")
    if isinstance(error, ImportError):
        return ConfigInvalid(f"{name}: {missing_driver(name, error)}")
    if isinstance(error, ValueError):
        return ReplayNotFound(f"{name}: is no usable name: {reason}")
    cure = "check the address and your access, or try again later"
    return StorageUnavailable(f"{name}: can't be read: {reason}; {cure}")


def _reason(error: Exception) -> str:
    reason = getattr(error, "strerror", None) or " ".join(str(error).split())
    return answer_of(error) or reason.lower()[:200] or type(error).__name__
