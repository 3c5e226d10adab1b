"""Everything that workers with the same token share, wired together."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import redis
from pydantic import SecretStr

from parsekit import JsonObject
from parsekit_ballchasing.account import Account
from parsekit_ballchasing.polling import Polls
from parsekit_ballchasing.polling.learned_times import InFile, InStore, Kept
from parsekit_ballchasing.rate_limit import RateLimiter
from parsekit_ballchasing.rate_limit.breaker import Breaker
from parsekit_ballchasing.rate_limit.calls import Calls
from parsekit_ballchasing.rate_limit.failover import FailoverStore
from parsekit_ballchasing.rate_limit.local_store import LocalStore
from parsekit_ballchasing.rate_limit.redis_store import RedisStore, connect
from parsekit_ballchasing.rate_limit.store import Store

#: The part of every limit that a process takes while Redis is away. Nobody knows then how many
#: processes there are; four are usual, and more are met by the API's 429.
OWN_SHARE = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The account, its calls, and when to look at replays."""

    store: Store
    account: Account
    calls: Calls
    polls: Polls
    close: Callable[[], None] = field(default=lambda: None)

    @classmethod
    def open(
        cls,
        redis_url: str | None,
        api_url: str,
        token: SecretStr,
        ping: Callable[[], JsonObject],
        *,
        data_dir: Path | None = None,
        clock: Callable[[], float] = time.time,
        ticks: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        shared_clock: Callable[[], float] | None = None,
    ) -> Budget:
        """Share through Redis where there is one; connects when first used.

        Without one, what was learned of processing times is kept below ``data_dir``, if that is
        given.
        """
        client = connect(redis_url) if redis_url else None
        account_key = account_name(api_url, token)
        store = _store(client, account_key, clock, ticks, shared_clock)
        account = Account(store, ping, token, clock=clock)
        limiter = RateLimiter(
            store,
            tier=lambda: account.facts().tier,
            quotas=lambda: account.facts().quotas(),
            ticks=ticks,
            sleep=sleep,
        )
        return cls(
            store=store,
            account=account,
            calls=Calls(limiter, Breaker(store, clock=clock)),
            polls=Polls(limiter, _kept(store, account_key, None if client else data_dir)),
            close=client.close if client is not None else lambda: None,
        )


def account_name(api_url: str, token: SecretStr) -> str:
    """A name for the state of one token at one API, from which the token can't be found."""
    digest = hashlib.sha256(f"{api_url}\n{token.get_secret_value()}".encode())
    return digest.hexdigest()[:16]


def _kept(store: Store, account: str, data_dir: Path | None) -> Kept:
    if data_dir is None:
        return InStore(store, "ready-times")
    return InFile(data_dir / "ballchasing" / f"{account}.json")


def _store(
    client: redis.Redis | None,
    account: str,
    clock: Callable[[], float],
    ticks: Callable[[], float],
    shared_clock: Callable[[], float] | None,
) -> Store:
    if client is None:
        return LocalStore(clock=clock)
    own = LocalStore(share=lambda: OWN_SHARE, clock=clock)
    return FailoverStore(RedisStore(client, account, clock=shared_clock), own, ticks=ticks)
