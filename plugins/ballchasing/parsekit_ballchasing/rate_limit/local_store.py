"""The state of one process."""

from __future__ import annotations

import math
import threading
import time
from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Callable

from parsekit import JsonObject
from parsekit_ballchasing.rate_limit.store import (
    GRACE_S,
    RECHECK_S,
    UNDERWAY_S,
    UNWATCHED_S,
    Load,
    PermitRequest,
    StoreReply,
    Why,
    load_of,
)
from parsekit_ballchasing.tiers import HOUR_S, WEEK_S, Endpoint, Limit


class LocalStore:
    """Keeps the state in memory; the twin of the scripts of `RedisStore`.

    ``share`` is this process's part of every limit: 1 when it is alone.
    """

    def __init__(
        self, *, share: Callable[[], float] = lambda: 1.0, clock: Callable[[], float] = time.time
    ) -> None:
        self._share = share
        self._clock = clock
        self._lock = threading.Lock()
        self._calls: dict[str, list[float]] = defaultdict(list)
        self._underway: dict[str, dict[str, float]] = defaultdict(dict)
        self._lines: dict[str, dict[str, float]] = defaultdict(dict)
        self._last: dict[str, float] = {}
        self._ok: dict[str, float] = {}
        self._uploads: dict[str, float] = {}
        self._pending: dict[str, float] = {}
        self._paused_until: dict[str | None, float] = {}
        self._documents: dict[str, JsonObject] = {}

    def acquire(self, wanted: PermitRequest) -> StoreReply:
        """See `Store.acquire`."""
        with self._lock:
            now = self._clock()
            self._forget(wanted.endpoint, now)
            reply = self._judged(wanted, now)
            if reply.why == "granted":
                self._grant(wanted, now)
            return reply

    def _judged(self, wanted: PermitRequest, now: float) -> StoreReply:
        until = max(self._paused_until.get(name, 0.0) for name in (None, wanted.endpoint))
        if until > now:
            return StoreReply(why="paused", wait_s=until - now)
        held = wanted.reservation in self._uploads
        if wanted.reservation and not held:
            slots = sorted(self._uploads.values())
            quotas = self._shared(wanted.quotas)
            reply = self._turn(wanted, "quota", _line_of_quota(wanted), slots, quotas, now)
            if reply is not None:
                return reply
        calls = self._calls[wanted.endpoint]
        reply = self._turn(wanted, "rate", wanted.endpoint, calls, self._shared(wanted.rates), now)
        if reply is not None:
            return reply
        late_s = self._late_s(wanted, now)
        if late_s > 0:
            return StoreReply(why="rate", wait_s=late_s)
        return StoreReply(why="granted", fresh=bool(wanted.reservation) and not held)

    def _shared(self, limits: tuple[Limit, ...]) -> tuple[Limit, ...]:
        share = self._share()
        return tuple(_part(limit, share) for limit in limits)

    def _turn(
        self,
        wanted: PermitRequest,
        why: Why,
        line_name: str,
        book: list[float],
        limits: tuple[Limit, ...],
        now: float,
    ) -> StoreReply | None:
        """None when there is room; else a place in the line, with the time of its turn."""
        if all(_free_at(book, limit, 0, now) <= now for limit in limits):
            return None
        line = self._lines[line_name]
        mine = line.get(wanted.waiter)
        ahead = sum(1 for due in line.values() if mine is None or due < mine)
        turn = max(_free_at(book, limit, ahead, now) for limit in limits)
        line[wanted.waiter] = turn
        return StoreReply(why=why, wait_s=turn - now)

    def _late_s(self, wanted: PermitRequest, now: float) -> float:
        """Seconds to wait for evenness, and for calls that may still arrive."""
        gap_s = self._last.get(wanted.endpoint, 0.0) + wanted.gap_s / self._share() - now
        if gap_s > 0:
            return gap_s
        limit = self._shared(wanted.rates)[0]
        recent = _used(self._calls[wanted.endpoint], limit, now)
        old = sum(1 for at in self._underway[wanted.endpoint].values() if at <= now - limit.per_s)
        return RECHECK_S if old and recent + old >= limit.calls else 0.0

    def _grant(self, wanted: PermitRequest, now: float) -> None:
        insort(self._calls[wanted.endpoint], now)
        self._underway[wanted.endpoint][wanted.call] = now
        self._last[wanted.endpoint] = now
        self._lines[wanted.endpoint].pop(wanted.waiter, None)
        self._lines[_line_of_quota(wanted)].pop(wanted.waiter, None)
        if wanted.reservation:
            self._uploads.setdefault(wanted.reservation, now)

    def _forget(self, endpoint: str, now: float) -> None:
        calls = self._calls[endpoint]
        del calls[: bisect_right(calls, now - HOUR_S)]
        underway = self._underway[endpoint]
        _drop(underway, now - UNDERWAY_S - 1.0 / self._share())
        _drop(self._uploads, now - WEEK_S)
        for line in self._lines.values():
            _drop(line, now - GRACE_S)

    def settle(self, endpoint: Endpoint, call: str, *, took_s: float, ok: bool) -> None:
        """See `Store.settle`."""
        with self._lock:
            began = self._underway[endpoint].pop(call, None)
            if began is not None:
                calls = self._calls[endpoint]
                calls.remove(began)
                insort(calls, began + min(took_s, UNDERWAY_S))
            if ok:
                self._ok[endpoint] = self._clock()

    def release(self, reservation: str) -> None:
        """See `Store.release`."""
        with self._lock:
            self._uploads.pop(reservation, None)

    def pause(self, for_s: float, endpoint: Endpoint | None = None) -> None:
        """See `Store.pause`."""
        with self._lock:
            until = self._clock() + for_s
            self._paused_until[endpoint] = max(self._paused_until.get(endpoint, 0.0), until)

    def pending(self, replay_id: str, endpoint: Endpoint, rates: tuple[Limit, ...]) -> Load:
        """See `Store.pending`."""
        with self._lock:
            now, shared = self._clock(), self._shared(rates)
            _drop(self._pending, now - UNWATCHED_S)
            before = self._pending.get(replay_id, -math.inf)
            self._pending[replay_id] = now
            used = [_used(self._calls[endpoint], limit, now) for limit in shared]
            return load_of(shared, used, len(self._pending), now - before)

    def done(self, replay_id: str) -> float:
        """See `Store.done`."""
        with self._lock:
            return self._clock() - self._pending.pop(replay_id, -math.inf)

    def uploads(self, since_s: float) -> list[float]:
        """See `Store.uploads`."""
        with self._lock:
            now = self._clock()
            ages = (now - at for at in self._uploads.values())
            return sorted((age for age in ages if age < since_s), reverse=True)

    def calls(self, endpoint: Endpoint, since_s: float) -> int:
        """See `Store.calls`."""
        with self._lock:
            return _used(self._calls[endpoint], Limit(1, since_s), self._clock())

    def since_ok(self, endpoint: Endpoint) -> float | None:
        """See `Store.since_ok`."""
        with self._lock:
            at = self._ok.get(endpoint)
            return None if at is None else self._clock() - at

    def read(self, name: str) -> JsonObject:
        """See `Store.read`."""
        with self._lock:
            return dict(self._documents.get(name, {}))

    def change(self, name: str, edit: Callable[[JsonObject], JsonObject]) -> JsonObject:
        """See `Store.change`."""
        with self._lock:
            self._documents[name] = edit(dict(self._documents.get(name, {})))
            return dict(self._documents[name])


def _line_of_quota(wanted: PermitRequest) -> str:
    return "quota of bulk" if wanted.bulk else "quota"


def _part(limit: Limit, share: float) -> Limit:
    """A share of a limit: fewer calls, or one call in a longer time where less than one is left."""
    calls = int(limit.calls * share)
    if limit.calls < 1:
        return limit
    return Limit(calls, limit.per_s) if calls >= 1 else Limit(1, limit.per_s / share)


def _used(book: list[float], limit: Limit, now: float) -> int:
    return len(book) - bisect_right(book, now - limit.per_s)


def _free_at(book: list[float], limit: Limit, ahead: int, now: float) -> float:
    """When the call after ``ahead`` others has room in this window.

    A slot frees as the oldest call in the window leaves it; who stands behind more others than
    the window holds waits whole windows longer.
    """
    if limit.calls < 1:
        return now + limit.per_s
    rounds, place = divmod(ahead, limit.calls)
    used = _used(book, limit, now)
    index = used - limit.calls + place
    leaves = book[len(book) - used + index] + limit.per_s if index >= 0 else now
    return leaves + rounds * limit.per_s


def _drop(times: dict[str, float], until: float) -> None:
    for name in [name for name, at in times.items() if at < until]:
        del times[name]
