"""Objects at any fsspec URL: memory, SFTP, S3, WebDAV and what else has a driver."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fsspec import AbstractFileSystem
from fsspec.core import url_to_fs

from parsekit.errors import (
    ConfigInvalid,
    ParsekitError,
    ReplayNotFound,
    StorageDenied,
    StorageUnavailable,
)
from parsekit.providers import LARGEST_READ_BYTES, ObjectInfo
from parsekit.storage.folder_plugin import RESULTS_PREFIX
from parsekit.storage.fsspec_errors import answer_of, behind, is_missing, is_refused, missing_driver
from parsekit.storage.keys import checked_path
from parsekit.storage.transfer import blocks_of, save_whole, small_enough


class UrlStorage:
    """A folder behind a URL, with the promises that its fsspec driver can keep.

    Drivers of object stores write in one step, those of file servers may not, and whether two
    writers can overwrite each other is up to the driver; `parsekit-storage-minio` promises more
    for S3.
    """

    def __init__(self, url: str) -> None:
        self._driver, root = _driver_of(url)
        self._root = root.rstrip("/")

    @property
    def results_prefix(self) -> str:
        """The folder of results."""
        return RESULTS_PREFIX

    def head(self, key: str) -> ObjectInfo:
        """Ask the driver, which answers an ETag or not; see `Storage.head`."""
        facts = self._facts(key)
        etag = str(facts.get("ETag") or "").strip('"') or None
        return ObjectInfo(key=key, size_bytes=facts["size"], etag=etag)

    def fetch(self, key: str, target: Path, *, max_bytes: int) -> ObjectInfo:
        """Copy the object; see `Storage.fetch`."""
        found = self.head(key)
        with _driver_errors(key), self._driver.open(self._path(key), "rb") as file:
            return save_whole(blocks_of(file), target, found=found, max_bytes=max_bytes)

    def read(self, key: str) -> bytes | None:
        """Read the object; see `Storage.read`."""
        try:
            size_bytes = self._facts(key)["size"]
            if not small_enough(size_bytes or 0, key):
                return None
            body = self._content(key, size_known=size_bytes is not None)
            return body if small_enough(len(body), key) else None
        except ReplayNotFound:
            return None

    def write(self, key: str, body: bytes, *, replace: bool = True) -> bool:
        """Store the object in one call of the driver; see `Storage.write`."""
        path = self._path(key)
        with _driver_errors(key):
            try:
                self._put(path, body, mode="overwrite" if replace else "create")
            except OSError:  # not every driver answers FileExistsError
                if replace or not self._driver.exists(path):
                    raise
                return False
        return True

    def delete(self, key: str) -> None:
        """Remove the object; see `Storage.delete`."""
        try:
            with _driver_errors(key):
                self._driver.rm_file(self._path(key))
        except ReplayNotFound:
            return

    def close(self) -> None:
        """Drivers let go by themselves."""

    def _path(self, key: str) -> str:
        return f"{self._root}/{checked_path(key)}"

    def _facts(self, key: str) -> dict[str, Any]:
        with _driver_errors(key):
            facts: dict[str, Any] = self._driver.info(self._path(key))
        if facts["type"] != "file":
            raise ReplayNotFound(f"{key} is a folder")
        return facts

    def _content(self, key: str, *, size_known: bool) -> bytes:
        """Of an object whose size some server has not answered, no more than shows it too large."""
        end = None if size_known else LARGEST_READ_BYTES + 1
        with _driver_errors(key):
            return bytes(self._driver.cat_file(self._path(key), end=end))

    def _put(self, path: str, body: bytes, *, mode: str) -> None:
        """Make folders only where the driver misses them: object stores have none."""
        try:
            self._driver.pipe_file(path, body, mode=mode)
        except FileNotFoundError:
            self._driver.makedirs(path.rpartition("/")[0], exist_ok=True)
            self._driver.pipe_file(path, body, mode=mode)


def _driver_of(url: str) -> tuple[AbstractFileSystem, str]:
    """Make a driver of our own: a shared one lists from a cache, and breaks after a fork."""
    options: dict[str, Any] = {"skip_instance_cache": True, "use_listings_cache": False}
    scheme = url.partition("://")[0]
    try:
        driver, root = url_to_fs(url, **options)
    except ImportError as exc:
        raise ConfigInvalid(f"folder.path: {missing_driver(url, exc)}") from exc
    except ValueError as exc:
        raise ConfigInvalid(f"folder.path: no driver for {scheme}://: {exc}") from exc
    return driver, str(root)


@contextmanager
def _driver_errors(key: str) -> Iterator[None]:
    """Name what a driver raises; addresses stay out of the text, as they may hold passwords."""
    try:
        yield
    except ParsekitError:
        raise
    except Exception as exc:  # each driver raises what its own library does
        raise _meaning(key, behind(exc)) from exc


def _meaning(key: str, error: Exception) -> ParsekitError:
    if is_missing(error):
        return ReplayNotFound(f"there is no {key} in folder.path")
    if is_refused(error):
        return StorageDenied(f"{key}: refused by the server of folder.path; grant access")
    reason = answer_of(error) or getattr(error, "strerror", None) or type(error).__name__
    return StorageUnavailable(f"{key}: {reason}; check the server of folder.path")
