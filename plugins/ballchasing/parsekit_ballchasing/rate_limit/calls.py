"""One call of the API, from its turn in the budget to the books about its answer."""

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
    """The only way to the API: nothing goes out without a turn, nothing comes back unnoted."""

    def __init__(self, ledger: RateLimiter, breaker: Breaker) -> None:
        self._ledger = ledger
        self._breaker = breaker

    def check(self) -> None:
        """Raise what `Breaker` raises while nobody may call."""
        self._breaker.check()

    def turn(
        self, endpoint: Endpoint, *, place: str, hold: str = "", bulk: bool = False
    ) -> Permit | RetryLater:
        """See `RateLimiter.turn`. Raises what `Breaker` raises while nobody may call."""
        self.check()
        turn = self._ledger.turn(endpoint, place=place, hold=hold, bulk=bulk)
        if isinstance(turn, RetryLater):
            return turn
        try:
            self._breaker.enter()
        except BaseException:
            self._ledger.release(turn)
            self._ledger.settle(turn, ok=False)
            raise
        return turn

    def make(self, turn: Permit, call: Callable[[], T]) -> T:
        """Make the call and tell everybody how it went. Raises what the call raises.

        A slot of the quota is given back where nothing can have been uploaded. After a lost answer
        it is kept: the same replay uses it again.
        """
        try:
            answer = call()
        except RemoteRejected:
            self._ledger.release(turn)
            self._note(turn)
            raise
        except Unauthorized:
            self._breaker.unauthorized()
            self._ledger.release(turn)
            self._ledger.settle(turn, ok=False)
            raise
        except ConfigInvalid:  # nothing went out: we don't trust the server
            self._ledger.release(turn)
            self._ledger.settle(turn, ok=False)
            raise
        except RateLimited as error:
            self._ledger.pause(turn, error.retry_after_s or self._breaker.refused())
            self._ledger.release(turn)
            self._ledger.settle(turn, ok=False)
            raise
        except RemoteUnavailable as error:
            if error.retry_after_s is not None:
                self._ledger.pause(turn, error.retry_after_s)
            self._breaker.failed()
            self._ledger.settle(turn, ok=False)
            raise
        self._note(turn)
        return answer

    def give_back(self, turn: Permit) -> None:
        """The upload was a duplicate and took nothing from the quota."""
        self._ledger.release(turn)

    def answers(self, endpoint: Endpoint, within_s: float) -> bool:
        """Whether the API answered somebody well here in the last ``within_s`` seconds."""
        since_s = self._ledger.since_ok(endpoint)
        return since_s is not None and since_s <= within_s

    def _note(self, turn: Permit) -> None:
        self._ledger.settle(turn, ok=True)
        self._breaker.well()
