"""A file fetched from a storage: whole and within its limits, or not there at all."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from parsekit.disk_errors import storage_errors
from parsekit.errors import ReplayTooLarge, StorageUnavailable
from parsekit.providers import LARGEST_READ_BYTES, ObjectInfo

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
    part = target.with_name(f"{target.name}.part")
    with storage_errors(target):
        try:
            sha256 = _written(blocks, part, found, max_bytes)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
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


def _written(blocks: Iterable[bytes], part: Path, found: ObjectInfo, max_bytes: int) -> str:
    digest, size_bytes = hashlib.sha256(), 0
    with part.open("wb") as file:
        for block in blocks:
            size_bytes += len(block)
            if size_bytes > max_bytes:
                raise ReplayTooLarge(f"{found.key} is larger than {max_bytes} bytes")
            digest.update(block)
            file.write(block)
    if size_bytes != found.size_bytes:
        raise StorageUnavailable(
            f"{found.key} came with {size_bytes} of {found.size_bytes} bytes; try again"
        )
    return digest.hexdigest()
