"""The storage `minio`: one bucket of a store that speaks S3."""

from __future__ import annotations

import logging
from pathlib import Path

from parsekit import LARGEST_READ_BYTES, ObjectInfo, ProviderContext, save_whole
from parsekit.errors import ReplayNotFound
from parsekit_storage_minio.client import ObjectClient
from parsekit_storage_minio.conditional_write import ConditionalWriter
from parsekit_storage_minio.errors import Permission, StoreError
from parsekit_storage_minio.integrity import EtagTrust, verified
from parsekit_storage_minio.requests import CurrentClient, StorageCall
from parsekit_storage_minio.settings import MinioSettings

log = logging.getLogger(__name__)


class MinioStorage:
    """See `parsekit.Storage`. Making it reads the keys and connects to nothing."""

    def __init__(self, context: ProviderContext) -> None:
        settings: MinioSettings = context.settings
        self._client = CurrentClient(settings)
        self._prefix = settings.parsed_object_prefix
        self._etags = EtagTrust(settings.bucket)
        self._conditional = ConditionalWriter(self._client.get().target.endpoint)

    @property
    def results_prefix(self) -> str:
        """``minio.parsed_object_prefix``."""
        return self._prefix

    @property
    def keeps_first(self) -> bool | None:
        """Whether the store refuses a second writer; None before one was tried."""
        return self._conditional.keeps_first

    def head(self, key: str) -> ObjectInfo:
        """Ask with one HEAD; see `parsekit.Storage.head`."""
        with self._call(key) as call:
            try:
                return call.send(
                    Permission.READ,
                    lambda client: client.head(key, wait_s=call.deadline.answer_s()),
                )
            except StoreError as exc:
                raise _explained(call, exc) from None

    def fetch(self, key: str, target: Path, *, max_bytes: int) -> ObjectInfo:
        """Download in one GET, from the beginning at every try; see `parsekit.Storage.fetch`."""
        seen: set[str] = set()
        with self._call(key) as call:

            def attempt(client: ObjectClient) -> ObjectInfo:
                wait_s, whole_s = call.deadline.download_s(), call.deadline.whole_s(max_bytes)
                with client.get(key, wait_s=wait_s, whole_s=whole_s) as download:
                    blocks = verified(download, call.deadline)
                    compared = self._etags.compared(blocks, download.info, seen)
                    return save_whole(compared, target, found=download.info, max_bytes=max_bytes)

            return call.send(Permission.READ, attempt)

    def read(self, key: str) -> bytes | None:
        """Read with one GET; see `parsekit.Storage.read`."""
        try:
            with self._call(key) as call:
                return call.send(Permission.READ, lambda client: _content(client, call))
        except ReplayNotFound:
            return None

    def write(self, key: str, body: bytes, *, replace: bool = True) -> bool:
        """Store with one PUT; see `parsekit.Storage.write`."""
        with self._call(key, moved_bytes=len(body)) as call:
            if not replace:
                return self._conditional.create(call, body)
            call.put(body)
            return True

    def delete(self, key: str) -> None:
        """Delete; see `parsekit.Storage.delete`."""
        try:
            with self._call(key) as call:
                call.send(
                    Permission.DELETE,
                    lambda client: client.delete(key, wait_s=call.deadline.answer_s()),
                )
        except ReplayNotFound:
            return

    def close(self) -> None:
        """Release the connections of this process."""
        self._client.close()

    def _call(self, key: str, *, moved_bytes: int = 0) -> StorageCall:
        return StorageCall(self._client, key, moved_bytes=moved_bytes)


def _content(client: ObjectClient, call: StorageCall) -> bytes | None:
    wait_s, whole_s = call.deadline.download_s(), call.deadline.whole_s(LARGEST_READ_BYTES)
    with client.get(call.key, wait_s=wait_s, whole_s=whole_s) as download:
        if download.info.size_bytes > LARGEST_READ_BYTES:
            log.warning(
                "%s has %d bytes, more than any result: it is not read",
                call.key,
                download.info.size_bytes,
            )
            return None
        return b"".join(verified(download, call.deadline))


def _explained(call: StorageCall, error: StoreError) -> StoreError:
    """A HEAD is refused without a word, so ask for the reason with a GET."""
    if error.status is None or error.transient or error.code is not None:
        return error
    try:
        call.send(Permission.READ, lambda client: _begin(client, call))
    except StoreError as exc:
        return exc if exc.status == error.status else error
    return error


def _begin(client: ObjectClient, call: StorageCall) -> None:
    wait_s, whole_s = call.deadline.download_s(), call.deadline.whole_s()
    with client.get(call.key, wait_s=wait_s, whole_s=whole_s):
        pass
