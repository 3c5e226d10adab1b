"""A download checked while it passes: in time, of the announced length, and like its ETag."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterator

from parsekit import ObjectInfo
from parsekit_storage_minio.client import Download
from parsekit_storage_minio.errors import StoreError
from parsekit_storage_minio.requests import RetryDeadline

log = logging.getLogger(__name__)

#: What an ETag looks like when it is the MD5 of the object: not of several parts.
_MD5 = re.compile(r"[0-9a-f]{32}")
#: So many objects have to be unlike their ETags before those of all others are no longer compared:
#: one alone may have been damaged at rest, or twice alike on the way.
ENOUGH_KEYS = 3


def verified(download: Download, deadline: RetryDeadline) -> Iterator[bytes]:
    """Pass the blocks on, and raise `StoreError` when they are too few, too many or too slow."""
    size_bytes, announced_bytes = 0, download.info.size_bytes
    deadline.allow(announced_bytes)
    for block in download.blocks:
        size_bytes += len(block)
        if size_bytes > announced_bytes:
            raise StoreError(f"more than {announced_bytes} bytes came")
        if size_bytes < announced_bytes and deadline.left_s < download.gap_s:
            raise StoreError(f"only {size_bytes} of {announced_bytes} bytes came in time")
        yield block
    if size_bytes != announced_bytes:
        raise StoreError(f"only {size_bytes} of {announced_bytes} bytes came")


class EtagTrust:
    """What the downloads of this process have shown about the ETags of its store.

    With SSE-KMS they look like MD5 sums and are none, which only downloads can show.
    """

    def __init__(self, bucket: str) -> None:
        self._bucket = bucket
        self._unlike: set[str] = set()

    def compared(
        self, blocks: Iterator[bytes], info: ObjectInfo, seen: set[str]
    ) -> Iterator[bytes]:
        """Pass the blocks on; raise `StoreError` instead of ending when the ETag is of others.

        ``seen`` keeps the sums of a call's downloads: two that agree outvote the ETag.
        """
        if len(self._unlike) >= ENOUGH_KEYS or not _MD5.fullmatch(info.etag or ""):
            yield from blocks
            return
        digest = hashlib.md5(usedforsecurity=False)
        for block in blocks:
            digest.update(block)
            yield block
        self._judge(digest.hexdigest(), info, seen)

    def _judge(self, md5: str, info: ObjectInfo, seen: set[str]) -> None:
        if md5 == info.etag:
            # no chance brings that about, so the others were the exception
            self._unlike.clear()
        elif md5 in seen:
            self._unlike.add(info.key)
            log.info("the etag of %s/%s is not the MD5 of its content", self._bucket, info.key)
        else:
            seen.add(md5)
            raise StoreError("the content does not match its etag")
