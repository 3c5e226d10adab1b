"""Which library speaks S3 in this process."""

from __future__ import annotations

import logging
from typing import Literal

from parsekit_storage_minio.client import ObjectClient, Target

log = logging.getLogger(__name__)


def open_client(target: Target, backend: Literal["obstore", "s3fs"]) -> ObjectClient:
    """Make a client of this process; nothing is connected yet.

    obstore can't be used on both sides of a fork (its threads are not copied, and a call in the
    child waits for them for ever), so a child of a process that used it gets s3fs.
    """
    from parsekit_storage_minio import obstore_client  # noqa: PLC0415  (native code)

    if backend == "obstore" and not obstore_client.inherited():
        return obstore_client.ObstoreClient(target)
    if backend == "obstore":
        log.warning("a parent of this process used obstore before the fork; using s3fs here")
    from parsekit_storage_minio.s3fs_client import S3fsClient  # noqa: PLC0415  (imports botocore)

    return S3fsClient(target)
