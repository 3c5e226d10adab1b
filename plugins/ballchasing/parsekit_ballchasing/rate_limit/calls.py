"""One call of the API, from its permit to what is stored of its answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from parsekit.errors import (
    ConfigInvalid,
    RateLimited,
    RemoteRejected,
    RemoteUnavailable,
    Unauthorized,
)
from parsekit_ballchasing.rate_limit import Permit, RateLimiter, RetryLater
from parsekit_ballchasing.rate_limit.breaker import Breaker
from parsekit_ballchasing.tiers import Endpoint

T = TypeVar("T")


class Calls:
    """The only way to the API: nothing goes out without a permit, nothing comes back unnoted."""

    def __init__(self, limiter: RateLimiter, breaker: Breaker) -> None:
        self._limiter = limiter
        self._breaker = breaker

    def check(self) -> None:
        """Raise what `Breaker` raises while nobody may call."""
        self._breaker.check()

    def acquire(
        self, endpoint: Endpoint, *, waiter: str, reservation: str = "", bulk: bool = False
    ) -> Permit | RetryLater:
        """See `RateLimiter.acquire`. Raises what `Breaker` raises while nobody may call."""
        self.check()
        permit = self._limiter.acquire(endpoint, waiter=waiter, reservation=reservation, bulk=bulk)
        if isinstance(permit, RetryLater):
            return permit
        try:
            self._breaker.enter()
        except BaseException:
            self._limiter.release(permit)
            self._limiter.settle(permit, ok=False)
            raise
        return permit

    def make(self, permit: Permit, call: Callable[[], T]) -> T:
        """Make the call and store for everybody how it went. Raises what the call raises.

        A slot of the quota is released where nothing can have been uploaded. After a lost answer
        it is kept: the same replay uses it again.
        """
        try:
            answer = call()
        except RemoteRejected:
            self._limiter.release(permit)
            self._settle(permit)
            raise
        except Unauthorized:
            self._breaker.unauthorized()
            self._limiter.release(permit)
            self._limiter.settle(permit, ok=False)
            raise
        except ConfigInvalid:  # nothing went out: we don't trust the server
            self._limiter.release(permit)
            self._limiter.settle(permit, ok=False)
            raise
        except RateLimited as error:
            self._limiter.pause(permit, error.retry_after_s or self._breaker.refused())
            self._limiter.release(permit)
            self._limiter.settle(permit, ok=False)
            raise
        except RemoteUnavailable as error:
            if error.retry_after_s is not None:
                self._limiter.pause(permit, error.retry_after_s)
            self._breaker.failed()
            self._limiter.settle(permit, ok=False)
            raise
        self._settle(permit)
        return answer

    def release(self, permit: Permit) -> None:
        """The upload was a duplicate and took nothing from the quota."""
        self._limiter.release(permit)

    def answers(self, endpoint: Endpoint, within_s: float) -> bool:
        """Whether the API answered somebody well here in the last ``within_s`` seconds."""
        since_s = self._limiter.since_ok(endpoint)
        return since_s is not None and since_s <= within_s

    def _settle(self, permit: Permit) -> None:
        self._limiter.settle(permit, ok=True)
        self._breaker.well()
