"""A file fetched from a storage: whole and within its limits, or not there at all."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from parsekit.errors import ReplayTooLarge, StorageUnavailable
from parsekit.providers import LARGEST_READ_BYTES, ObjectInfo
from parsekit.storage.atomic import Folder
from parsekit.storage.os_errors import storage_errors

log = logging.getLogger(__name__)

_BLOCK_BYTES = 1024 * 1024


def save_whole(
    blocks: Iterable[bytes], target: Path, *, found: ObjectInfo, max_bytes: int
) -> ObjectInfo:
    """Write what a storage sends to ``target`` and answer ``found`` with the content's SHA-256.

    For authors of storages. ``found`` is what the storage announced; ``target`` appears only when
    as many bytes came. An error that ``blocks`` raises, after the last block too, leaves nothing.

    Raises `ReplayTooLarge` before the first byte or as soon as too many came, and
    `StorageUnavailable` when the length is wrong or the local disk is full.
    """
    if found.size_bytes > max_bytes:
        raise ReplayTooLarge(f"{found.key} has {found.size_bytes} bytes, more than {max_bytes}")
    digest = hashlib.sha256()
    with storage_errors(target), Folder.open(target.parent) as folder:
        folder.write(target.name, _whole(blocks, digest.update, found, max_bytes))
    sha256 = digest.hexdigest()
    return ObjectInfo(key=found.key, size_bytes=found.size_bytes, etag=found.etag, sha256=sha256)


def blocks_of(file: BinaryIO) -> Iterator[bytes]:
    """The content of a file, for `save_whole`."""
    while block := file.read(_BLOCK_BYTES):
        yield block


def small_enough(size_bytes: int, key: str) -> bool:
    """Whether an object is not larger than anything that we store; see `Storage.read`."""
    if size_bytes <= LARGEST_READ_BYTES:
        return True
    log.warning("%s has %d bytes, more than any result: it is not read", key, size_bytes)
    return False


def _whole(
    blocks: Iterable[bytes], seen: Callable[[bytes], None], found: ObjectInfo, max_bytes: int
) -> Iterator[bytes]:
    """The blocks, each of them ``seen``; an error at their end when they are not all."""
    size_bytes = 0
    for block in blocks:
        size_bytes += len(block)
        if size_bytes > max_bytes:
            raise ReplayTooLarge(f"{found.key} is larger than {max_bytes} bytes")
        seen(block)
        yield block
    if size_bytes != found.size_bytes:
        raise StorageUnavailable(
            f"{found.key} came with {size_bytes} of {found.size_bytes} bytes; try again"
        )
