"""A download checked while it passes: in time, of the announced length, of the right MD5."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator

from parsekit_storage_minio.client import SILENCE_S, Download
from parsekit_storage_minio.store_error import StoreError

#: What an ETag looks like when it is the MD5 of the object: not of several parts.
_MD5 = re.compile(r"[0-9a-f]{32}")


class Unlike(StoreError):
    """The content is not the one that the ETag promises; ``md5`` is what came."""

    def __init__(self, reason: str, *, md5: str) -> None:
        super().__init__(reason)
        self.md5 = md5


def verified(download: Download, *, etag_is_md5: bool) -> Iterator[bytes]:
    """Pass the blocks on, and raise `StoreError` instead of ending when something is wrong."""
    info, digest, size_bytes = download.info, hashlib.md5(usedforsecurity=False), 0
    compared = etag_is_md5 and _MD5.fullmatch(info.etag or "")
    deadline = time.monotonic() + SILENCE_S + info.size_bytes / 2**20
    for block in download.blocks:
        size_bytes += len(block)
        if compared:
            digest.update(block)
        if time.monotonic() > deadline:
            raise StoreError(f"only {size_bytes} of {info.size_bytes} bytes came in time")
        yield block
    if size_bytes != info.size_bytes:
        raise StoreError(f"only {size_bytes} of {info.size_bytes} bytes came")
    if compared and digest.hexdigest() != info.etag:
        raise Unlike("the content does not match its etag", md5=digest.hexdigest())
