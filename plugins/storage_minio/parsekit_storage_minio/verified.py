"""A download checked while it passes: in time, and of the announced length."""

from __future__ import annotations

from collections.abc import Iterator

from parsekit_storage_minio.client import Download
from parsekit_storage_minio.patience import RetryDeadline
from parsekit_storage_minio.store_error import StoreError


def verified(download: Download, patience: RetryDeadline) -> Iterator[bytes]:
    """Pass the blocks on, and raise `StoreError` when they are too few, too many or too slow."""
    size_bytes, announced_bytes = 0, download.info.size_bytes
    patience.allow(announced_bytes)
    for block in download.blocks:
        size_bytes += len(block)
        if size_bytes > announced_bytes:
            raise StoreError(f"more than {announced_bytes} bytes came")
        if size_bytes < announced_bytes and patience.left_s < download.gap_s:
            raise StoreError(f"only {size_bytes} of {announced_bytes} bytes came in time")
        yield block
    if size_bytes != announced_bytes:
        raise StoreError(f"only {size_bytes} of {announced_bytes} bytes came")
