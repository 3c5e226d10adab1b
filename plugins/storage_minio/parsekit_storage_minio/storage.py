"""The storage `minio`: one bucket of a store that speaks S3."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from parsekit import ObjectInfo, ProviderContext, checked_key, save_whole
from parsekit.errors import ReplayNotFound
from parsekit_storage_minio.client import ObjectClient, Target
from parsekit_storage_minio.meaning import meaning
from parsekit_storage_minio.open_client import open_client
from parsekit_storage_minio.patience import persist
from parsekit_storage_minio.per_process import PerProcess
from parsekit_storage_minio.settings import MinioSettings
from parsekit_storage_minio.store_error import StoreError
from parsekit_storage_minio.verified import Unlike, verified

T = TypeVar("T")
log = logging.getLogger(__name__)

_READ, _WRITE, _DELETE = "s3:GetObject", "s3:PutObject", "s3:DeleteObject"


class MinioStorage:
    """See `parsekit.Storage`. Making it reads the keys and connects to nothing."""

    def __init__(self, context: ProviderContext) -> None:
        settings: MinioSettings = context.settings
        self._target = Target.of(settings)
        self._prefix = settings.parsed_object_prefix
        self._clients = PerProcess(lambda: open_client(self._target, settings.backend))
        self._etags_are_md5 = True
        self._keeps_first: bool | None = None

    @property
    def results_prefix(self) -> str:
        """``minio.parsed_object_prefix``."""
        return self._prefix

    def head(self, key: str) -> ObjectInfo:
        """Ask with one HEAD; see `parsekit.Storage.head`."""
        with self._named(_READ, key):
            try:
                return self._persist(lambda client: client.head(key))
            except StoreError as exc:
                raise self._explained(exc, key) from None

    def fetch(self, key: str, target: Path, *, max_bytes: int) -> ObjectInfo:
        """Download in one GET, from the beginning at every try; see `parsekit.Storage.fetch`."""
        seen: set[str] = set()

        def attempt(client: ObjectClient) -> ObjectInfo:
            download = client.get(key)
            blocks = verified(download, etag_is_md5=self._etags_are_md5)
            try:
                return save_whole(blocks, target, found=download.info, max_bytes=max_bytes)
            except Unlike as exc:
                self._learn_about_etags(exc, seen)
                raise

        with self._named(_READ, key):
            return self._persist(attempt)

    def read(self, key: str) -> bytes | None:
        """Read with one GET; see `parsekit.Storage.read`."""
        try:
            with self._named(_READ, key):
                return self._persist(
                    lambda client: b"".join(verified(client.get(key), etag_is_md5=False))
                )
        except ReplayNotFound:
            return None

    def write(self, key: str, body: bytes, *, replace: bool = True) -> bool:
        """Store with one PUT; see `parsekit.Storage.write`."""
        with self._named(_WRITE, key):
            if replace:
                self._persist(lambda client: client.put(key, body))
                return True
            return self._create(key, body)

    def delete(self, key: str) -> None:
        """Delete; see `parsekit.Storage.delete`."""
        try:
            with self._named(_DELETE, key):
                self._persist(lambda client: client.delete(key))
        except ReplayNotFound:
            return

    def close(self) -> None:
        """Let go of this process's connections."""
        self._clients.drop()

    def _persist(self, attempt: Callable[[ObjectClient], T]) -> T:
        return persist(lambda: attempt(self._clients.get()))

    @contextmanager
    def _named(self, action: str, key: str) -> Iterator[None]:
        """Check the key before any request, and name what a request met."""
        checked_key(key)
        try:
            yield
        except StoreError as exc:
            raise meaning(exc, action, key, self._target) from exc

    def _explained(self, error: StoreError, key: str) -> StoreError:
        """A HEAD is refused without a word, so ask for the reason with a GET."""
        if error.status is None or error.passing or error.code is not None:
            return error
        try:
            self._clients.get().get(key)
        except StoreError as exc:
            return exc if exc.status == error.status else error
        return error

    def _learn_about_etags(self, unlike: Unlike, seen: set[str]) -> None:
        """Two downloads that agree outvote the ETag: with SSE-KMS it is no MD5."""
        if unlike.md5 in seen:
            log.info("etags of %s are not MD5 sums, so they are not compared", self._target.bucket)
            self._etags_are_md5 = False
        seen.add(unlike.md5)

    def _create(self, key: str, body: bytes) -> bool:
        """Store where nothing is, and find out on the way whether the store can do that."""
        if self._keeps_first is False:
            return self._create_unguarded(key, body)
        writer = uuid.uuid4().hex
        try:
            self._persist(lambda client: client.create(key, body, writer=writer))
        except StoreError as exc:
            if exc.not_implemented:
                self._keeps_first = False
                return self._create_unguarded(key, body)
            if not exc.exists:
                raise
            # an earlier try may have arrived though its answer was lost, and then it is ours
            return self._persist(lambda client: client.writer_of(key)) == writer
        if self._keeps_first is None:
            self._keeps_first = self._turns_away_the_second(key, body, writer)
        return True

    def _turns_away_the_second(self, key: str, body: bytes, writer: str) -> bool | None:
        """Store the same again: some stores ignore the condition without a word.

        The probe costs one request a process and changes nothing; None when it stayed unclear.
        """
        try:
            self._clients.get().create(key, body, writer=writer)
        except StoreError as exc:
            return True if exc.exists else None
        log.warning(
            "%s ignores If-None-Match: two workers may store the same result", self._target.endpoint
        )
        return False

    def _create_unguarded(self, key: str, body: bytes) -> bool:
        """Look, then store: the best that a store without conditions can do."""
        try:
            self._persist(lambda client: client.head(key))
        except StoreError as exc:
            if not exc.missing:
                raise
        else:
            return False
        self._persist(lambda client: client.put(key, body))
        return True
