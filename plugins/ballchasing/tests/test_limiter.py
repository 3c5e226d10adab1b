"""The budget, in memory and in Redis: the same promises, checked by the same tests."""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
import redis

from devkit.servers.process import free_port
from devkit.servers.valkey import ValkeyServer
from parsekit_ballchasing.rate_limit import Permit, RateLimiter, RetryLater
from parsekit_ballchasing.rate_limit.failover import FailoverStore
from parsekit_ballchasing.rate_limit.local_store import LocalStore
from parsekit_ballchasing.rate_limit.redis_store import RedisStore, connect
from parsekit_ballchasing.rate_limit.store import GRACE_S, UNDERWAY_S, PermitRequest
from parsekit_ballchasing.tiers import DAY_S, HOUR_S, REGULAR, SECOND_S, TIERS, WEEK_S, Limit

Make = Callable[..., Any]
TWO = (Limit(2, SECOND_S),)
QUOTA = (Limit(3, DAY_S),)


@pytest.fixture(params=["local", "shared"])
def store(request: Any, clock: Any, redis_server: ValkeyServer) -> Iterator[Any]:
    if request.param == "local":
        yield LocalStore(clock=clock)
        return
    client = connect(redis_server.url())
    client.flushall()
    yield RedisStore(client, "account", clock=clock)
    client.close()


_calls = itertools.count()


def ask(
    waiter: str = "p", *, rates: tuple[Limit, ...] = TWO, call: str = "", **more: Any
) -> PermitRequest:
    call = call or f"call {next(_calls)}"
    return PermitRequest(endpoint="replay", call=call, waiter=waiter, rates=rates, **more)


def granted_times(
    store: Any,
    clock: Any,
    places: list[str],
    *,
    rates: tuple[Limit, ...] = TWO,
    until_s: float = 30.0,
) -> list[float]:
    """Let everybody ask, wait as told, and ask again; answer when each grant was."""
    start = clock()
    due = dict.fromkeys(places, clock())
    times = []
    while due and clock() < start + until_s:
        waiter = min(due, key=lambda name: due[name])
        clock.unix = max(clock.unix, due[waiter])
        wanted = ask(waiter, rates=rates)
        reply = store.acquire(wanted)
        if reply.why == "granted":
            store.settle("replay", wanted.call, took_s=0.0, ok=True)
            times.append(clock())
            del due[waiter]
        else:
            due[waiter] = clock() + reply.wait_s + 1e-4
    return times


def most_in(times: list[float], span_s: float) -> int:
    return max(sum(1 for other in times if at - span_s < other <= at) for at in times)


class TestRates:
    def test_are_kept_in_every_sliding_second(self, store: Any, clock: Any) -> None:
        times = granted_times(store, clock, [f"p{n}" for n in range(20)])
        assert len(times) == 20
        assert most_in(times, SECOND_S) == 2

    def test_are_used_to_the_full_while_somebody_waits(self, store: Any, clock: Any) -> None:
        times = granted_times(store, clock, [f"p{n}" for n in range(40)])
        assert (len(times) - 1) / (times[-1] - times[0]) > 0.99 * 2

    def test_are_spread_evenly(self, store: Any, clock: Any) -> None:
        times = granted_times(store, clock, [f"p{n}" for n in range(20)])
        gaps = [b - a for a, b in pairwise(times)]
        assert min(gaps) >= 0.44

    def test_of_an_hour_are_kept_too(self, store: Any, clock: Any) -> None:
        rates = (Limit(16, SECOND_S), Limit(20, HOUR_S))
        times = granted_times(store, clock, [f"p{n}" for n in range(30)], rates=rates, until_s=9e3)
        assert len(times) == 30
        assert most_in(times, HOUR_S) == 20

    def test_do_not_send_everybody_back_at_the_same_moment(self, store: Any, clock: Any) -> None:
        rates = (Limit(16, SECOND_S), Limit(5, HOUR_S))
        granted_times(store, clock, [f"early{n}" for n in range(5)], rates=rates)
        clock.sleep(60)
        waits = [store.acquire(ask(f"p{n}", rates=rates)).wait_s for n in range(12)]
        assert all(b > a for a, b in pairwise(waits[:5]))
        assert waits[5] > HOUR_S
        assert waits[11] > 2 * HOUR_S

    def test_keep_the_place_of_one_who_asks_again(self, store: Any, clock: Any) -> None:
        for n in range(2):
            store.acquire(ask(f"early{n}"))
            clock.sleep(0.46)
        first = store.acquire(ask("first")).wait_s
        second = store.acquire(ask("second")).wait_s
        assert store.acquire(ask("first")).wait_s == pytest.approx(first)
        assert store.acquire(ask("second")).wait_s == pytest.approx(second)
        assert second > first

    def test_give_the_place_of_one_who_died_to_others(self, store: Any, clock: Any) -> None:
        rates = (Limit(1, 60.0),)
        store.acquire(ask("early", rates=rates))
        store.acquire(ask("dead", rates=rates))
        clock.sleep(60 + GRACE_S + 1)
        assert store.acquire(ask("late", rates=rates)).why == "granted"
        assert store.acquire(ask("later", rates=rates)).wait_s == pytest.approx(60)

    def test_of_one_endpoint_leave_the_others_alone(self, store: Any) -> None:
        store.acquire(ask("a", rates=(Limit(1, 60.0),)))
        other = PermitRequest(endpoint="upload", call="x", waiter="b", rates=(Limit(1, 60.0),))
        assert store.acquire(other).why == "granted"


class TestCallUnderWay:
    def test_counts_from_its_answer_not_from_its_start(self, store: Any, clock: Any) -> None:
        rates = (Limit(1, SECOND_S),)
        store.acquire(ask("slow", rates=rates, call="slow"))
        clock.sleep(0.8)
        store.settle("replay", "slow", took_s=0.8, ok=True)
        assert store.acquire(ask("next", rates=rates)).wait_s == pytest.approx(1.0, abs=0.01)

    def test_blocks_its_slot_until_it_must_have_arrived(self, store: Any, clock: Any) -> None:
        rates = (Limit(1, SECOND_S),)
        store.acquire(ask("lost", rates=rates))
        clock.sleep(1.5)
        assert store.acquire(ask("next", rates=rates)).why == "rate"
        clock.sleep(UNDERWAY_S)
        assert store.acquire(ask("next", rates=rates)).why == "granted"


class TestUploadSlot:
    def test_is_taken_once_for_a_replay_however_often_it_is_tried(
        self, store: Any, clock: Any
    ) -> None:
        first = store.acquire(ask("p", reservation="sha", quotas=QUOTA))
        clock.sleep(5)
        again = store.acquire(ask("p", reservation="sha", quotas=QUOTA))
        assert (first.fresh, again.fresh) == (True, False)
        assert len(store.uploads(DAY_S)) == 1

    def test_is_refused_when_all_are_taken_and_says_for_how_long(
        self, store: Any, clock: Any
    ) -> None:
        for sha in ("a", "b", "c"):
            store.acquire(ask(sha, reservation=sha, quotas=QUOTA))
            clock.sleep(60)
        reply = store.acquire(ask("d", reservation="d", quotas=QUOTA))
        assert reply.why == "quota"
        assert reply.wait_s == pytest.approx(DAY_S - 180)
        assert store.acquire(ask("e", reservation="e", quotas=QUOTA)).wait_s == pytest.approx(
            DAY_S - 120
        )

    def test_is_free_again_after_its_window(self, store: Any, clock: Any) -> None:
        for sha in ("a", "b", "c"):
            store.acquire(ask(sha, reservation=sha, quotas=QUOTA))
            clock.sleep(1)
        clock.sleep(DAY_S)
        assert store.acquire(ask("d", reservation="d", quotas=QUOTA)).why == "granted"

    def test_that_was_not_used_is_given_back(self, store: Any, clock: Any) -> None:
        store.acquire(ask("p", reservation="sha", quotas=QUOTA))
        store.release("sha")
        assert store.uploads(WEEK_S) == []

    def test_of_nothing_is_never_granted(self, store: Any) -> None:
        reply = store.acquire(ask("p", reservation="sha", quotas=(Limit(0, DAY_S),)))
        assert reply.why == "quota"
        assert reply.wait_s >= DAY_S


class TestPause:
    def test_holds_for_everybody(self, store: Any, clock: Any) -> None:
        store.pause(30)
        assert store.acquire(ask("a")).why == "paused"
        clock.sleep(31)
        assert store.acquire(ask("a")).why == "granted"

    def test_is_never_shortened(self, store: Any) -> None:
        store.pause(30)
        store.pause(1)
        assert store.acquire(ask("a")).wait_s == pytest.approx(30)

    def test_of_one_endpoint_leaves_the_others(self, store: Any) -> None:
        store.pause(30, "upload")
        assert store.acquire(ask("a")).why == "granted"


class TestDocument:
    def test_is_changed_by_all_threads_without_loss(self, store: Any) -> None:
        def add() -> None:
            for _ in range(25):
                store.change("count", lambda d: {"n": d.get("n", 0) + 1})

        threads = [threading.Thread(target=add) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert store.read("count") == {"n": 100}

    def test_is_empty_before_somebody_writes_it(self, store: Any) -> None:
        assert store.read("nothing") == {}


class TestBooks:
    def test_tell_calls_uploads_and_the_last_success(self, store: Any, clock: Any) -> None:
        assert store.since_ok("replay") is None
        store.acquire(ask("p", call="c", reservation="sha", quotas=QUOTA))
        store.settle("replay", "c", took_s=0.1, ok=True)
        clock.sleep(10)
        assert store.since_ok("replay") == pytest.approx(10)
        assert store.calls("replay", HOUR_S) == 1
        assert store.uploads(DAY_S) == [pytest.approx(10)]


class TestLedger:
    @pytest.fixture
    def limiter(self, clock: Any) -> Any:
        return RateLimiter(
            LocalStore(clock=clock),
            tier=lambda: REGULAR,
            quotas=lambda: (Limit(10, DAY_S),),
            ticks=clock,
            sleep=clock.sleep,
        )

    def test_sleeps_at_most_two_seconds_for_a_turn(self, limiter: Any, clock: Any) -> None:
        for n in range(12):
            clock.slept.clear()
            permit = limiter.acquire("replay", waiter=f"p{n}")
            assert isinstance(permit, Permit)
            assert sum(clock.slept) <= 2.0
            limiter.settle(permit, ok=True)

    def test_sends_longer_waits_back_a_little_early(self, limiter: Any, clock: Any) -> None:
        limiter._store.acquire(
            PermitRequest(endpoint="replay", call="c", waiter="c", rates=(Limit(1, 60.0),))
        )
        limiter._tier = lambda: TIERS["gold"]
        limiter._store._calls["replay"] = [clock()] * 2000
        wait = limiter.acquire("replay", waiter="p")
        assert isinstance(wait, RetryLater)
        assert wait.wait_s == pytest.approx(HOUR_S)
        assert wait.after_s == pytest.approx(HOUR_S - 1)

    def test_keeps_a_fifth_of_the_hour_from_bulk_work(self, limiter: Any, clock: Any) -> None:
        limiter._store._calls["replay"] = [clock() - 60] * 800
        assert isinstance(limiter.acquire("replay", waiter="b", bulk=True), RetryLater)
        assert isinstance(limiter.acquire("replay", waiter="i"), Permit)


class TestWithoutRedis:
    def test_a_process_keeps_to_its_share(self, clock: Any) -> None:
        store = LocalStore(share=lambda: 0.25, clock=clock)
        times = granted_times(store, clock, [f"p{n}" for n in range(8)])
        assert most_in(times, 2.0) == 1

    def test_it_is_said_once_and_again_when_it_is_back(
        self, clock: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        broken = RedisStore(connect(f"redis://127.0.0.1:{free_port()}/0"), "a")
        store = FailoverStore(broken, LocalStore(clock=clock), ticks=clock)
        for _ in range(20):
            clock.sleep(4)
            assert store.acquire(ask(f"p{clock()}")).why == "granted"
        assert [r.levelno for r in caplog.records] == [logging.WARNING]
        assert "redis is away (ConnectionError)" in caplog.text
        clock.sleep(10)
        store._shared = LocalStore(clock=clock)
        store.acquire(ask("p"))
        assert "redis is back" in caplog.text

    def test_what_all_knew_is_still_known(self, clock: Any, redis_server: ValkeyServer) -> None:
        client = connect(redis_server.url())
        store = FailoverStore(RedisStore(client, "x"), LocalStore(clock=clock), ticks=clock)
        store.change("account", lambda _: {"type": "gold"})
        store._shared = RedisStore(connect(f"redis://127.0.0.1:{free_port()}/0"), "x")
        assert store.read("account") == {"type": "gold"}

    def test_what_another_process_found_out_is_still_known(
        self, clock: Any, redis_server: ValkeyServer
    ) -> None:
        client = connect(redis_server.url())
        RedisStore(client, "y").change("account", lambda _: {"type": "gold"})
        store = FailoverStore(RedisStore(client, "y"), LocalStore(clock=clock), ticks=clock)
        assert store.read("account") == {"type": "gold"}
        store._shared = RedisStore(connect(f"redis://127.0.0.1:{free_port()}/0"), "y")
        assert store.read("account") == {"type": "gold"}

    def test_redis_errors_of_the_server_are_no_reason_to_fail(
        self, clock: Any, redis_server: ValkeyServer
    ) -> None:
        client = connect(redis_server.url())
        client.flushall()
        client.set("parsekit:{ballchasing:odd}:calls:replay", "no sorted set")
        store = FailoverStore(RedisStore(client, "odd"), LocalStore(clock=clock), ticks=clock)
        assert store.acquire(ask("p")).why == "granted"
        assert isinstance(redis.ResponseError(), redis.RedisError)


def test_clock_of_redis_is_used_unless_told_otherwise(redis_server: ValkeyServer) -> None:
    client = connect(redis_server.url())
    client.flushall()
    store = RedisStore(client, "own")
    assert store.acquire(ask("p", call="c")).why == "granted"
    store.settle("replay", "c", took_s=0.0, ok=True)
    store.pause(5)
    assert store.acquire(ask("q")).wait_s == pytest.approx(5, abs=1)
    assert store.calls("replay", 60) == 1
    since = store.since_ok("replay")
    assert since is not None
    assert 0 <= since < 5


def test_keys_of_one_account_share_a_node_and_name_no_token(redis_server: ValkeyServer) -> None:
    client = connect(redis_server.url())
    client.flushall()
    store = RedisStore(client, "ab12")
    store.acquire(ask("p", reservation="sha", quotas=QUOTA))
    store.change("account", lambda _: {})
    store.pause(1)
    keys = list(client.scan_iter())
    assert keys
    assert all(key.startswith("parsekit:{ballchasing:ab12}:") for key in keys)
    assert all(client.ttl(key) > 0 for key in keys if not key.endswith(":marks"))
