"""The state of all workers, in Redis (or Valkey). Its clock is the one that counts."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from importlib.resources import files
from typing import Any, cast

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

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

#: Seconds for one question to Redis; a slower one is as good as none.
TIMEOUT_S = 1.0
#: Documents that nobody changed for so long are forgotten, seconds.
_DOCUMENT_S = int(WEEK_S)


def connect(url: str) -> redis.Redis:
    """A client that gives up soon: without an answer this process keeps its own state."""
    return redis.Redis.from_url(
        url,
        socket_timeout=TIMEOUT_S,
        socket_connect_timeout=TIMEOUT_S,
        retry=Retry(NoBackoff(), 1),
        decode_responses=True,
    )


class RedisStore:
    """Keeps the state of one account, named ``account``. Raises `redis.RedisError` when away.

    ``clock`` None means Redis's own clock, the only one that all workers share.
    """

    def __init__(
        self, client: redis.Redis, account: str, *, clock: Callable[[], float] | None = None
    ) -> None:
        self._redis = client
        # The braces keep all keys on one node of a cluster, as a script needs them.
        self._prefix = f"parsekit:{{ballchasing:{account}}}:"
        self._clock = clock
        self._acquire = client.register_script(_script("acquire.lua"))
        self._settle = client.register_script(_script("settle.lua"))
        self._pause = client.register_script(_script("pause.lua"))

    def acquire(self, wanted: PermitRequest) -> StoreReply:
        """See `Store.acquire`."""
        keys = ("calls", wanted.endpoint), ("underway", wanted.endpoint), ("line", wanted.endpoint)
        quota_line = self._key("line", "quota of bulk" if wanted.bulk else "quota")
        limits = [number for limit in (*wanted.rates, *wanted.quotas) for number in _numbers(limit)]
        why, wait_s, fresh = self._acquire(
            keys=[
                *(self._key(*key) for key in keys),
                quota_line,
                self._key("uploads"),
                self._marks,
            ],
            args=[
                *(self._now(), wanted.endpoint, wanted.call, wanted.waiter, wanted.reservation),
                *(wanted.gap_s, UNDERWAY_S, RECHECK_S, GRACE_S, HOUR_S, WEEK_S),
                *(len(wanted.rates), *limits),
            ],
        )
        return StoreReply(why=cast("Why", why), wait_s=float(wait_s), fresh=bool(fresh))

    def settle(self, endpoint: Endpoint, call: str, *, took_s: float, ok: bool) -> None:
        """See `Store.settle`."""
        self._settle(
            keys=[self._key("calls", endpoint), self._key("underway", endpoint), self._marks],
            args=[self._now(), endpoint, call, took_s, int(ok), UNDERWAY_S],
        )

    def release(self, reservation: str) -> None:
        """See `Store.release`."""
        self._redis.zrem(self._key("uploads"), reservation)

    def pause(self, for_s: float, endpoint: Endpoint | None = None) -> None:
        """See `Store.pause`."""
        self._pause(keys=[self._marks], args=[self._now(), for_s, endpoint or ""])

    def pending(self, replay_id: str, endpoint: Endpoint, rates: tuple[Limit, ...]) -> Load:
        """See `Store.pending`."""
        now, key, calls = self._time(), self._key("pending"), self._key("calls", endpoint)
        with self._redis.pipeline() as pipe:
            pipe.zremrangebyscore(key, "-inf", now - UNWATCHED_S)
            pipe.zscore(key, replay_id)
            pipe.zadd(key, {replay_id: now})
            pipe.expire(key, int(UNWATCHED_S))
            pipe.zcard(key)
            for limit in rates:
                pipe.zcount(calls, f"({now - limit.per_s}", "+inf")
            _, before, _, _, waiting, *used = pipe.execute()
        return load_of(rates, used, waiting, math.inf if before is None else now - before)

    def done(self, replay_id: str) -> float:
        """See `Store.done`."""
        key = self._key("pending")
        with self._redis.pipeline() as pipe:
            pipe.zscore(key, replay_id)
            pipe.zrem(key, replay_id)
            before, _ = pipe.execute()
        return math.inf if before is None else self._time() - before

    def uploads(self, since_s: float) -> list[float]:
        """See `Store.uploads`."""
        now = self._time()
        entries: Any = self._redis.zrangebyscore(
            self._key("uploads"), f"({now - since_s}", "+inf", withscores=True
        )
        return [now - at for _, at in entries]

    def calls(self, endpoint: Endpoint, since_s: float) -> int:
        """See `Store.calls`."""
        key = self._key("calls", endpoint)
        return int(self._redis.zcount(key, f"({self._time() - since_s}", "+inf"))

    def since_ok(self, endpoint: Endpoint) -> float | None:
        """See `Store.since_ok`."""
        at = cast("str | None", self._redis.hget(self._marks, f"ok {endpoint}"))
        return None if at is None else self._time() - float(at)

    def read(self, name: str) -> JsonObject:
        """See `Store.read`."""
        return _document(self._redis.get(self._key("document", name)))

    def change(self, name: str, edit: Callable[[JsonObject], JsonObject]) -> JsonObject:
        """See `Store.change`."""
        key = self._key("document", name)

        def replace(pipe: Any) -> JsonObject:
            document = edit(_document(pipe.get(key)))
            pipe.multi()
            pipe.set(key, json.dumps(document), ex=_DOCUMENT_S)
            return document

        # The annotation of redis-py does not know that the function's value may be wanted.
        answer: Any = self._redis.transaction(cast("Any", replace), key, value_from_callable=True)
        return cast("JsonObject", answer)

    @property
    def _marks(self) -> str:
        return self._key("marks")

    def _key(self, *parts: str) -> str:
        return self._prefix + ":".join(part.replace(" ", "-") for part in parts)

    def _now(self) -> str:
        return "" if self._clock is None else f"{self._clock():.6f}"

    def _time(self) -> float:
        if self._clock is not None:
            return self._clock()
        seconds, microseconds = self._redis.time()
        return seconds + microseconds / 1e6


def _script(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _numbers(limit: Limit) -> tuple[int, float]:
    return limit.calls, limit.per_s


def _document(text: Any) -> JsonObject:
    if not text:
        return {}
    document: JsonObject = json.loads(text)
    return document
