"""The requests of one call of the storage: their deadline, their repetitions, the keys they sign.

A call may need several requests: all of them, their repetitions and the waits between share one
deadline, so that what is asked second gets what the first has left.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import TypeVar

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    wait_random_exponential,
)

from parsekit import checked_key
from parsekit.errors import ConfigInvalid
from parsekit_storage_minio.client import ObjectClient, Target, is_forked
from parsekit_storage_minio.credentials import Credentials, read_credentials
from parsekit_storage_minio.errors import Permission, StoreError, published_error
from parsekit_storage_minio.settings import MinioSettings

log = logging.getLogger(__name__)

T = TypeVar("T")

#: Longest time in one call of the storage, besides a second for each MiB moved.
CALL_S = 10.0
#: Longest wait for the next sign of life of the store.
SILENCE_S = 3.0
#: With less than this left, asking is pointless; also the least that obstore's clock can tell.
SHORTEST_S = 1.0
_FIRST_WAIT_S = 0.1
_LONGEST_WAIT_S = 2.0


class RetryDeadline:
    """How long one call may still take; it begins when it is made."""

    def __init__(self, moved_bytes: int = 0) -> None:
        self._began = time.monotonic()
        self._moved_bytes = moved_bytes

    @property
    def left_s(self) -> float:
        """Seconds until the call has to be over."""
        end = self._began + CALL_S + self._moved_bytes / 2**20
        return end - time.monotonic()

    def allow(self, moved_bytes: int) -> None:
        """Give a second for each MiB that is to move, once, however often that is begun anew."""
        self._moved_bytes = max(self._moved_bytes, moved_bytes)

    def answer_s(self, uploaded_bytes: int = 0) -> float:
        """How long the answer to a request may take, with what is sent before it."""
        return max(0.0, min(SILENCE_S + uploaded_bytes / 2**20, self.left_s))

    def download_s(self) -> float:
        """How long an answer may take to begin, and then its next block: half for each."""
        return max(0.0, min(SILENCE_S, self.left_s / 2))

    def whole_s(self, most_bytes: int = 0) -> float:
        """How long a download may take in all, where at most so many bytes are to move."""
        return max(0.0, self.left_s + most_bytes / 2**20)

    def check(self) -> None:
        """Raise `StoreError` where no time is left for another request."""
        if self.left_s < SHORTEST_S:
            raise StoreError("no time was left to ask")

    def retry(self, attempt: Callable[[], T]) -> T:
        """Try until it succeeds, fails for good, or no time is left.

        Raises the `StoreError` of the last try.
        """
        self.check()
        retrying = Retrying(
            retry=retry_if_exception(lambda exc: isinstance(exc, StoreError) and exc.transient),
            wait=wait_random_exponential(multiplier=_FIRST_WAIT_S, max=_LONGEST_WAIT_S),
            stop=self._is_over,
            reraise=True,
        )
        return retrying(attempt)

    def _is_over(self, state: RetryCallState) -> bool:
        return self.left_s - state.upcoming_sleep < SHORTEST_S


class CurrentClient:
    """The client, made anew when the keys that it signs with were replaced.

    Raises `ConfigInvalid` when the settings name what can't be read.
    """

    def __init__(self, settings: MinioSettings) -> None:
        self.settings = settings
        self._client = ObjectClient(Target.of(settings))

    def get(self) -> ObjectClient:
        """The client that signs with the keys known last."""
        return self._client

    def close(self) -> None:
        """Release the connections; those of a parent stay, as its threads are not here."""
        if not is_forked():
            self._client = ObjectClient(self._client.target)

    def renewed(self, refused: ObjectClient) -> bool:
        """Whether `get` answers another client than the one that the store refused.

        Files with keys are read again, so that keys can be replaced under a running worker.
        """
        if self._client is not refused:
            return True  # another thread was here first
        credentials = self._read(refused.target.credentials)
        if credentials == refused.target.credentials:
            return False
        log.info("the store refused the keys, and others stand in their place now: using those")
        self._client = ObjectClient(replace(refused.target, credentials=credentials))
        return True

    def _read(self, known: Credentials) -> Credentials:
        try:
            return read_credentials(self.settings)
        except ConfigInvalid:  # taken away: the store's refusal says more
            return known


class StorageCall:
    """One call of the storage: enter it to send requests about its key.

    Making it checks the key, before any request. A `StoreError` that leaves it becomes the
    published error.
    """

    def __init__(self, client: CurrentClient, key: str, *, moved_bytes: int = 0) -> None:
        self.key = checked_key(key)
        self.deadline = RetryDeadline(moved_bytes)
        self._client = client

    def __enter__(self) -> StorageCall:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(exc, StoreError):
            raise published_error(exc, self.key, self._client.settings) from exc

    def send(self, permission: Permission, request: Callable[[ObjectClient], T]) -> T:
        """Send a request as often as it takes. Raises `StoreError` with its ``permission``."""
        client = self._client.get()
        try:
            return self.deadline.retry(lambda: request(client))
        except StoreError as exc:
            if exc.refused and self._client.renewed(client):
                return self.send(permission, request)
            exc.permission = permission
            raise

    def send_once(self, request: Callable[[ObjectClient], T]) -> T:
        """Send a request that nothing depends on. Raises `StoreError`."""
        self.deadline.check()
        return request(self._client.get())

    def put(self, body: bytes) -> None:
        """Store, whatever is there. Raises `StoreError`."""
        self.send(
            Permission.WRITE,
            lambda client: client.put(
                self.key, body, wait_s=self.deadline.answer_s(uploaded_bytes=len(body))
            ),
        )
