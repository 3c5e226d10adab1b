"""What a rate limiter keeps, and the questions that must be answered in one atomic step."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from parsekit import JsonObject
from parsekit_ballchasing.tiers import Endpoint, Limit

Why = Literal["granted", "paused", "rate", "quota"]

#: A call without an answer after so many seconds has reached the API by then; until then it may
#: arrive at any moment, and is counted as if it arrived just now.
UNDERWAY_S = 2.0
#: How soon to ask again when only calls under way are in the way, seconds.
RECHECK_S = 0.05
#: Who does not come back this many seconds after the announced time has lost the place in line.
GRACE_S = 5.0
#: A replay that nobody looked at for so long is no longer waited for: no schedule waits longer,
#: seconds.
UNWATCHED_S = 400.0
#: Least share of the even distance between calls that is kept, so that calls never come in bursts.
EVENNESS = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class PermitRequest:
    """A call that somebody wants to make.

    ``call`` is its own id; ``waiter`` names who waits, and keeps the place in the line. ``rates``
    are windows of calls, the shortest first. An upload also takes a slot of ``quotas`` under the
    name ``reservation``, once, however often it is repeated. ``bulk`` waits for quota in a line of
    its own, as the reserve may be free while its share is used up.
    """

    endpoint: Endpoint
    call: str
    waiter: str
    rates: tuple[Limit, ...]
    reservation: str = ""
    quotas: tuple[Limit, ...] = ()
    bulk: bool = False

    @property
    def gap_s(self) -> float:
        """Least seconds since the last call to this endpoint."""
        first = self.rates[0]
        return EVENNESS * first.per_s / first.calls


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreReply:
    """``wait_s`` 0 means go now. ``fresh`` says that a slot of the quota was taken by this ask."""

    why: Why
    wait_s: float = 0.0
    fresh: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """How busy an endpoint is.

    ``waiting`` replays share its calls, of which there are ``per_second``; ``fullness`` is the
    used part of its hour, 0 to 1, 0 where that has no limit. ``since_s`` is how long ago the replay
    that asks was noted before, infinite when it was not.
    """

    waiting: int
    per_second: float
    fullness: float
    since_s: float = math.inf


def load_of(rates: tuple[Limit, ...], used: Sequence[int], waiting: int, since_s: float) -> Load:
    """Put together what a store counted; ``used`` are the calls in each window of ``rates``."""
    first, *hours = rates
    return Load(
        waiting=waiting,
        per_second=first.calls / first.per_s,
        fullness=max(
            (n / max(limit.calls, 1) for limit, n in zip(hours, used[1:], strict=True)), default=0.0
        ),
        since_s=since_s,
    )


class Store(Protocol):
    """Keeps the state. Every method is one atomic step, safe from threads and processes."""

    def acquire(self, wanted: PermitRequest) -> StoreReply:
        """Grant the call now, or give a place in the line and say when it is its turn."""
        ...

    def settle(self, endpoint: Endpoint, call: str, *, took_s: float, ok: bool) -> None:
        """Note that a granted call was answered after ``took_s``, and whether well.

        The API counts a call when it arrives, which is at most ``took_s`` after the grant. So a
        slow call moves those after it by its slowness, and no window is ever exceeded.
        """
        ...

    def release(self, reservation: str) -> None:
        """Give the upload slot back, as nothing was uploaded."""
        ...

    def pause(self, for_s: float, endpoint: Endpoint | None = None) -> None:
        """Grant nobody a call for so many seconds, to one endpoint or at all.

        Never shortens an earlier pause.
        """
        ...

    def pending(self, replay_id: str, endpoint: Endpoint, rates: tuple[Limit, ...]) -> Load:
        """Note that a replay is pending now, and say how busy the endpoint is."""
        ...

    def done(self, replay_id: str) -> float:
        """Forget a replay that is no longer pending; seconds since it was noted, or infinity."""
        ...

    def uploads(self, since_s: float) -> list[float]:
        """How many seconds ago each upload of the last ``since_s`` seconds was, oldest first."""
        ...

    def calls(self, endpoint: Endpoint, since_s: float) -> int:
        """Calls to this endpoint in the last ``since_s`` seconds."""
        ...

    def since_ok(self, endpoint: Endpoint) -> float | None:
        """Seconds since a call to this endpoint was last answered well; None for never."""
        ...

    def read(self, name: str) -> JsonObject:
        """A small document, empty when there is none."""
        ...

    def change(self, name: str, edit: Callable[[JsonObject], JsonObject]) -> JsonObject:
        """Replace a document by what ``edit`` makes of it, undisturbed; ``edit`` may run twice."""
        ...
