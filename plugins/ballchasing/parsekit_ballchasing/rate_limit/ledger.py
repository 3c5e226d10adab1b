"""When the next call may go out: now, after a short sleep, or much later."""

from __future__ import annotations

import math
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from tenacity import RetryCallState, Retrying, retry_if_result

from parsekit_ballchasing.rate_limit.store import Ask, Load, Store, Why
from parsekit_ballchasing.tiers import HOUR_S, SECOND_S, Endpoint, Limit, Tier

#: A worker slot sleeps at most this long for its turn; longer waits go back to the driver, seconds.
LONGEST_SLEEP_S = 2.0
#: Who waits for a turn comes back this much before it, so that no turn is left unused, seconds.
EARLY_S = 1.0
#: Bulk work leaves this part of every hour and of every quota to interactive work.
RESERVE = 0.2
#: A longer announcement holds for the endpoint that made it, seconds.
LONGEST_PAUSE_S = 900.0
#: The API's clock and ours run at slightly different speeds; seconds on each sliding second.
CLOCK_SLACK_S = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    """Leave to make one call now. ``fresh``: this ask took the upload slot named ``hold``."""

    endpoint: Endpoint
    call: str
    hold: str
    fresh: bool
    asked_ticks: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryLater:
    """Not now: the turn is in ``turn_s`` seconds; come back in ``after_s``."""

    why: Why
    turn_s: float

    @property
    def after_s(self) -> float:
        """A little before the turn, where it is a matter of order among those who wait."""
        early_s = 0.0 if self.why == "paused" else EARLY_S
        return max(self.turn_s - early_s, 0.0)


class RateLimiter:
    """Asks the store for turns and tells it what became of them.

    ``tier`` and ``quotas`` are asked at every turn, as both change while a service runs.
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

    def turn(
        self, endpoint: Endpoint, *, place: str, hold: str = "", bulk: bool = False
    ) -> Permit | RetryLater:
        """Leave to call now, after at most two seconds of sleep, or the time to come back.

        ``place`` names who waits. An upload names the replay as ``hold``: however often it is
        tried, it takes one slot of the quota.
        """
        again = Retrying(
            retry=retry_if_result(lambda answer: isinstance(answer, RetryLater)),
            wait=_until_its_turn,
            stop=lambda state: state.idle_for + state.upcoming_sleep > LONGEST_SLEEP_S,
            sleep=self._sleep,
            retry_error_callback=_last_answer,
        )
        answer: Permit | RetryLater = again(self._asked, endpoint, place, hold, bulk)
        return answer

    def _asked(self, endpoint: Endpoint, place: str, hold: str, bulk: bool) -> Permit | RetryLater:
        asked, call = self._ticks(), uuid.uuid4().hex
        reply = self._store.ask(self._ask(endpoint, call, place, hold, bulk=bulk))
        if reply.why != "granted":
            return RetryLater(why=reply.why, turn_s=reply.wait_s)
        return Permit(endpoint=endpoint, call=call, hold=hold, fresh=reply.fresh, asked_ticks=asked)

    def _ask(self, endpoint: Endpoint, call: str, place: str, hold: str, *, bulk: bool) -> Ask:
        quotas = self._quotas() if hold else ()
        if bulk:
            quotas = tuple(_reserved(limit) for limit in quotas)
        return Ask(
            endpoint=endpoint,
            call=call,
            place=place,
            hold=hold,
            bulk=bulk,
            rates=self._rates(endpoint, bulk=bulk),
            quotas=quotas,
        )

    def _rates(self, endpoint: Endpoint, *, bulk: bool) -> tuple[Limit, ...]:
        rates = tuple(_careful(limit) for limit in self._tier().limits(endpoint))
        if not bulk:
            return rates
        return tuple(limit if limit.per_s < HOUR_S else _reserved(limit) for limit in rates)

    def settle(self, turn: Permit, *, ok: bool) -> None:
        """Note that the call was answered; ``ok`` that the API did what it is for."""
        took_s = self._ticks() - turn.asked_ticks
        self._store.settle(turn.endpoint, turn.call, took_s=took_s, ok=ok)

    def release(self, turn: Permit) -> None:
        """Give back the upload slot that this turn took, as nothing was uploaded."""
        if turn.fresh:
            self._store.release(turn.hold)

    def pause(self, turn: Permit, for_s: float) -> None:
        """Let nobody call for so many seconds: limits are the account's, not an endpoint's.

        A pause longer than every window of calls is about the upload quota, and stops no looks.
        """
        everywhere = for_s <= LONGEST_PAUSE_S
        self._store.pause(for_s, None if everywhere else turn.endpoint)

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


def _until_its_turn(state: RetryCallState) -> float:
    answer = _last_answer(state)
    # A wait that rounds to nothing must not become a busy loop.
    return max(answer.turn_s, 0.001) if isinstance(answer, RetryLater) else 0.0


def _careful(limit: Limit) -> Limit:
    slack_s = CLOCK_SLACK_S if limit.per_s == SECOND_S else 0.0
    return Limit(limit.calls, limit.per_s + slack_s)


def _reserved(limit: Limit) -> Limit:
    return Limit(limit.calls - math.ceil(limit.calls * RESERVE), limit.per_s)
