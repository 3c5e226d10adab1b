"""When the next call may go out: now, after a short sleep, or much later."""

from __future__ import annotations

import math
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from tenacity import RetryCallState, Retrying, retry_if_result

from parsekit_ballchasing.rate_limit.store import Load, PermitRequest, Store, Why
from parsekit_ballchasing.tiers import HOUR_S, SECOND_S, Endpoint, Limit, Tier

#: A worker slot sleeps at most this long for a permit; longer waits go back to the driver, seconds.
LONGEST_SLEEP_S = 2.0
#: Who waits for a permit comes back this much before it, so that none is left unused, seconds.
EARLY_S = 1.0
#: Bulk work leaves this part of every hour and of every quota to interactive work.
RESERVE = 0.2
#: A longer announcement holds for the endpoint that made it, seconds.
LONGEST_PAUSE_S = 900.0
#: The API's clock and ours run at slightly different speeds; seconds on each sliding second.
CLOCK_SLACK_S = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    """Leave to make one call now. ``fresh``: it took the upload slot named ``reservation``."""

    endpoint: Endpoint
    call: str
    reservation: str
    fresh: bool
    asked_ticks: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryLater:
    """Not now: there is a permit in ``wait_s`` seconds; come back in ``after_s``."""

    why: Why
    wait_s: float

    @property
    def after_s(self) -> float:
        """A little before that, where it is a matter of order among those who wait."""
        early_s = 0.0 if self.why == "paused" else EARLY_S
        return max(self.wait_s - early_s, 0.0)


class RateLimiter:
    """Asks the store for permits and notes there what became of them.

    ``tier`` and ``quotas`` are asked for every permit, as both change while a service runs.
    """

    def __init__(
        self,
        store: Store,
        *,
        tier: Callable[[], Tier],
        quotas: Callable[[], tuple[Limit, ...]],
        ticks: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._store = store
        self._tier = tier
        self._quotas = quotas
        self._ticks = ticks
        self._sleep = sleep

    def acquire(
        self, endpoint: Endpoint, *, waiter: str, reservation: str = "", bulk: bool = False
    ) -> Permit | RetryLater:
        """Leave to call now, after at most two seconds of sleep, or the time to come back.

        ``waiter`` names who waits. An upload names the replay as ``reservation``: it takes one slot
        of the quota, however often it is tried.
        """
        again = Retrying(
            retry=retry_if_result(lambda answer: isinstance(answer, RetryLater)),
            wait=_granted_in_s,
            stop=lambda state: state.idle_for + state.upcoming_sleep > LONGEST_SLEEP_S,
            sleep=self._sleep,
            retry_error_callback=_last_answer,
        )
        answer: Permit | RetryLater = again(self._acquired, endpoint, waiter, reservation, bulk)
        return answer

    def _acquired(
        self, endpoint: Endpoint, waiter: str, reservation: str, bulk: bool
    ) -> Permit | RetryLater:
        asked_ticks, call = self._ticks(), uuid.uuid4().hex
        quotas = self._quotas() if reservation else ()
        wanted = PermitRequest(
            endpoint=endpoint,
            call=call,
            waiter=waiter,
            reservation=reservation,
            bulk=bulk,
            rates=self._rates(endpoint, bulk=bulk),
            quotas=tuple(map(_reserved, quotas)) if bulk else quotas,
        )
        reply = self._store.acquire(wanted)
        if reply.why != "granted":
            return RetryLater(why=reply.why, wait_s=reply.wait_s)
        return Permit(
            endpoint=endpoint,
            call=call,
            reservation=reservation,
            fresh=reply.fresh,
            asked_ticks=asked_ticks,
        )

    def _rates(self, endpoint: Endpoint, *, bulk: bool) -> tuple[Limit, ...]:
        rates = tuple(_careful(limit) for limit in self._tier().limits(endpoint))
        if not bulk:
            return rates
        return tuple(limit if limit.per_s < HOUR_S else _reserved(limit) for limit in rates)

    def settle(self, permit: Permit, *, ok: bool) -> None:
        """Note that the call was answered; ``ok`` that the API did what it is for."""
        took_s = self._ticks() - permit.asked_ticks
        self._store.settle(permit.endpoint, permit.call, took_s=took_s, ok=ok)

    def release(self, permit: Permit) -> None:
        """Release the upload slot that this permit took, as nothing was uploaded."""
        if permit.fresh:
            self._store.release(permit.reservation)

    def pause(self, permit: Permit, for_s: float) -> None:
        """Let nobody call for so many seconds: limits are the account's, not an endpoint's.

        A pause longer than every window of calls is about the upload quota, and stops no looks.
        """
        everywhere = for_s <= LONGEST_PAUSE_S
        self._store.pause(for_s, None if everywhere else permit.endpoint)

    def pending(self, replay_id: str, *, bulk: bool) -> Load:
        """Note that a replay is pending now, and say how busy looks are."""
        return self._store.pending(replay_id, "replay", self._rates("replay", bulk=bulk))

    def done(self, replay_id: str) -> float:
        """Forget a pending replay; see `Store.done`."""
        return self._store.done(replay_id)

    def since_ok(self, endpoint: Endpoint) -> float | None:
        """Seconds since the API last answered somebody well here; None for never."""
        return self._store.since_ok(endpoint)


def _last_answer(state: RetryCallState) -> Permit | RetryLater:
    answer: Permit | RetryLater = state.outcome.result()  # type: ignore[union-attr]  # set by tenacity
    return answer


def _granted_in_s(state: RetryCallState) -> float:
    answer = _last_answer(state)
    # A wait that rounds to nothing must not become a busy loop.
    return max(answer.wait_s, 0.001) if isinstance(answer, RetryLater) else 0.0


def _careful(limit: Limit) -> Limit:
    slack_s = CLOCK_SLACK_S if limit.per_s == SECOND_S else 0.0
    return Limit(limit.calls, limit.per_s + slack_s)


def _reserved(limit: Limit) -> Limit:
    return Limit(limit.calls - math.ceil(limit.calls * RESERVE), limit.per_s)
