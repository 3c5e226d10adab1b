"""The one place where a request to the store is repeated."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tenacity import Retrying, retry_if_exception, stop_before_delay, wait_random_exponential

from parsekit_storage_minio.client import CONNECT_S, SILENCE_S
from parsekit_storage_minio.store_error import StoreError

T = TypeVar("T")

#: Longest time in one call of the storage, besides a second for each MiB moved.
CALL_S = 10.0
_FIRST_WAIT_S = 0.1
_LONGEST_WAIT_S = 2.0


def persist(attempt: Callable[[], T]) -> T:
    """Try until it succeeds, fails for good, or another try could outlast `CALL_S`.

    Raises the `StoreError` of the last try.
    """
    retrying = Retrying(
        retry=retry_if_exception(lambda exc: isinstance(exc, StoreError) and exc.passing),
        wait=wait_random_exponential(multiplier=_FIRST_WAIT_S, max=_LONGEST_WAIT_S),
        stop=stop_before_delay(CALL_S - CONNECT_S - SILENCE_S),
        reraise=True,
    )
    return retrying(attempt)
