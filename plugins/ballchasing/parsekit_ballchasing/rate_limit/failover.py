"""Shared state while Redis answers, this process's own share of the budget while it does not."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TypeVar

import redis

from parsekit import JsonObject
from parsekit_ballchasing.rate_limit.store import Load, PermitRequest, Store, StoreReply
from parsekit_ballchasing.tiers import Endpoint, Limit

T = TypeVar("T")
log = logging.getLogger("parsekit.ballchasing")

#: How long Redis is left alone after it failed, seconds.
AWAY_S = 5.0


class FailoverStore:
    """Asks ``shared``; when it is away asks ``own``, says so once, and looks again later."""

    def __init__(
        self, shared: Store, own: Store, *, ticks: Callable[[], float] = time.monotonic
    ) -> None:
        self._shared = shared
        self._own = own
        self._ticks = ticks
        self._lock = threading.Lock()
        self._away_until: float | None = None

    def _first(self, question: Callable[[Store], T]) -> T:
        if self._away_until is not None and self._ticks() < self._away_until:
            return question(self._own)
        try:
            answer = question(self._shared)
        except redis.RedisError as exc:
            self._switch_to_own(exc)
            return question(self._own)
        self._switch_to_shared()
        return answer

    def _switch_to_own(self, exc: redis.RedisError) -> None:
        with self._lock:
            known, self._away_until = self._away_until is not None, self._ticks() + AWAY_S
        if not known:
            log.warning(
                "redis is away (%s); until it is back this process keeps to its own share of "
                "ballchasing's limits",
                type(exc).__name__,
            )

    def _switch_to_shared(self) -> None:
        with self._lock:
            known, self._away_until = self._away_until is not None, None
        if known:
            log.warning("redis is back; ballchasing's limits are shared again")

    def acquire(self, wanted: PermitRequest) -> StoreReply:
        """See `Store.acquire`."""
        return self._first(lambda store: store.acquire(wanted))

    def settle(self, endpoint: Endpoint, call: str, *, took_s: float, ok: bool) -> None:
        """See `Store.settle`."""
        self._first(lambda store: store.settle(endpoint, call, took_s=took_s, ok=ok))

    def release(self, reservation: str) -> None:
        """See `Store.release`."""
        self._first(lambda store: store.release(reservation))

    def pause(self, for_s: float, endpoint: Endpoint | None = None) -> None:
        """See `Store.pause`; noted in both, as Redis may leave before it is over."""
        self._own.pause(for_s, endpoint)
        self._first(lambda store: store.pause(for_s, endpoint))

    def pending(self, replay_id: str, endpoint: Endpoint, rates: tuple[Limit, ...]) -> Load:
        """See `Store.pending`."""
        return self._first(lambda store: store.pending(replay_id, endpoint, rates))

    def done(self, replay_id: str) -> float:
        """See `Store.done`."""
        return self._first(lambda store: store.done(replay_id))

    def uploads(self, since_s: float) -> list[float]:
        """See `Store.uploads`."""
        return self._first(lambda store: store.uploads(since_s))

    def calls(self, endpoint: Endpoint, since_s: float) -> int:
        """See `Store.calls`."""
        return self._first(lambda store: store.calls(endpoint, since_s))

    def since_ok(self, endpoint: Endpoint) -> float | None:
        """See `Store.since_ok`."""
        return self._first(lambda store: store.since_ok(endpoint))

    def read(self, name: str) -> JsonObject:
        """See `Store.read`; what was read is kept in this process too, for when Redis leaves."""
        document = self._first(lambda store: store.read(name))
        return self._own.change(name, lambda _: document)

    def change(self, name: str, edit: Callable[[JsonObject], JsonObject]) -> JsonObject:
        """See `Store.change`; what all know is kept in this process too, for when Redis leaves."""
        document = self._first(lambda store: store.change(name, edit))
        return self._own.change(name, lambda _: document)
