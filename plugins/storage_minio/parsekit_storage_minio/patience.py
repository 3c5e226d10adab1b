"""The time of one call of the storage, and the one place where a request to the store is repeated.

A call may need several requests: all of them, their repetitions and the waits between share one
deadline, so that what is asked second gets what the first has left.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    wait_random_exponential,
)

from parsekit_storage_minio.client import SILENCE_S
from parsekit_storage_minio.store_error import StoreError

T = TypeVar("T")

#: Longest time in one call of the storage, besides a second for each MiB moved.
CALL_S = 10.0
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

    def persist(self, attempt: Callable[[], T]) -> T:
        """Try until it succeeds, fails for good, or no time is left.

        Raises the `StoreError` of the last try.
        """
        self.check()
        retrying = Retrying(
            retry=retry_if_exception(lambda exc: isinstance(exc, StoreError) and exc.passing),
            wait=wait_random_exponential(multiplier=_FIRST_WAIT_S, max=_LONGEST_WAIT_S),
            stop=self._is_over,
            reraise=True,
        )
        return retrying(attempt)

    def _is_over(self, state: RetryCallState) -> bool:
        return self.left_s - state.upcoming_sleep < SHORTEST_S
