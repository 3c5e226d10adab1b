"""Locks, ledger, dead letters and membership in Redis."""

from __future__ import annotations

import os
import subprocess
import threading

import pytest
import redis

from devkit.deployment import poll
from parsekit.errors import StorageUnavailable
from parsekit.pipeline.locks import LocalLocks
from parsekit.worker.dead_letters import DeadLetter, DeadLetters
from parsekit.worker.redis import keys
from parsekit.worker.redis.client import connect
from parsekit.worker.redis.locks import RedisLocks
from parsekit.worker.redis.membership import DEAD_AFTER_SECONDS, Member
from parsekit.worker.redis.task_store import Admission, TaskStore


class Two:
    """Two processes that share a Redis."""

    def __init__(self, url: str) -> None:
        client = connect(url)
        client.zadd(keys.BEATS, {"one": 1, "two": 1})
        self.locks = [RedisLocks(client, name) for name in ("one", "two")]
        self.task_stores = [TaskStore(client, name) for name in ("one", "two")]
        self.die = lambda: client.zrem(keys.BEATS, "one")


@pytest.fixture
def two(redis_server, redis_client) -> Two:
    return Two(redis_server.url())


@pytest.fixture
def letters(redis_client) -> DeadLetters:
    return DeadLetters(redis_client)


@pytest.fixture
def task_id() -> str:
    return f"task-{os.urandom(4).hex()}"


def test_a_lock_is_one_tasks_until_it_is_released(two, task_id):
    one, other = two.locks
    lock = one.acquire(task_id, owner="a")
    assert lock is not None
    assert other.acquire(task_id, owner="b") is None
    assert one.acquire(task_id, owner="b") is None
    lock.release()
    taken = other.acquire(task_id, owner="b")
    assert taken is not None
    lock.release()
    assert one.acquire(task_id, owner="a") is None, "what is not ours any more is not released"


def test_a_dead_process_holds_no_lock(two, task_id):
    assert two.locks[0].acquire(task_id, owner="a") is not None
    two.die()
    assert two.locks[1].acquire(task_id, owner="b") is not None


def test_a_waiting_tasks_lock_survives_its_process_and_lapses(two):
    lock = two.locks[0].acquire("key", owner="a")
    lock.extend(30)
    two.die()
    assert two.locks[1].acquire("key", owner="b") is None
    again = two.locks[1].acquire("key", owner="a")
    assert again is not None
    again.extend(0.05)
    threading.Event().wait(0.1)
    assert two.locks[1].acquire("key", owner="b") is not None


def test_a_lock_that_redis_did_not_hear_released_is_released_later(redis_server, redis_client):
    client = connect(redis_server.url())
    client.zadd(keys.BEATS, {"one": 1})
    locks = RedisLocks(client, "one")
    lock = locks.acquire("key", owner="a")
    broken = connect("redis://127.0.0.1:1/0")
    locks._client = broken
    with pytest.raises(redis.RedisError):
        lock.release()
    with pytest.raises(StorageUnavailable):
        locks.acquire("key", owner="b")
    locks._client = client
    assert locks.acquire("key", owner="b") is None
    locks.release_late()
    assert locks.acquire("key", owner="b") is not None


def test_a_claim_whose_answer_was_lost_is_released_later(redis_server, redis_client):
    client = connect(redis_server.url())
    client.zadd(keys.BEATS, {"one": 1})

    class AnswersAreLost:
        def eval(self, *given):
            client.eval(*given)
            raise redis.ConnectionError("reset")

    locks = RedisLocks(client, "one")
    locks._client = AnswersAreLost()
    with pytest.raises(StorageUnavailable):
        locks.acquire("key", owner="a")
    locks._client = client
    assert locks.acquire("key", owner="b") is None
    locks.release_late()
    assert locks.acquire("key", owner="b") is not None


@pytest.mark.parametrize("end", ["is buried", "signs off"])
def test_a_process_that_ends_leaves_no_lock_but_those_of_waiting_tasks(
    redis_server, redis_client, end
):
    client = connect(redis_server.url())
    client.zadd(keys.BEATS, {"one": 7})
    locks = RedisLocks(client, "one")
    for name in ("held", "waiting"):
        assert locks.acquire(name, owner=name) is not None
    locks.acquire("waiting", owner="waiting").extend(30)
    if end == "is buried":
        other = Member(client, "two")
        other._evict("one", "6")
        assert len(client.keys(keys.lock("*"))) == 2, "it beats again"
        other._evict("one", "7")
    else:
        member = Member(client, "one")
        member.start()
        member.stop()
    assert client.keys(keys.lock("*")) == [keys.lock("waiting").encode()]
    assert client.keys(keys.locks_of("*")) == []


def test_local_locks_lapse_by_their_clock():
    now = [0.0]
    locks = LocalLocks(lambda: now[0])
    first = locks.acquire("key", owner="a")
    first.extend(10)
    assert locks.acquire("key", owner="b") is None
    now[0] = 10
    second = locks.acquire("key", owner="b")
    assert second is not None
    first.release()
    assert locks.acquire("key", owner="a") is None


@pytest.mark.parametrize("lost", ["call", "answer"])
@pytest.mark.parametrize("step", ["admit", "release"])
def test_a_run_of_which_redis_did_not_hear_is_released_later(two, task_id, step, lost):
    """Else its task is busy to all others for as long as this process lives."""
    one, other = two.task_stores
    client = one._client

    class Unheard:
        def eval(self, *given):
            if lost == "answer":
                client.eval(*given)
            raise redis.ConnectionError("reset")

    if step == "release":
        assert one.admit(task_id) is Admission.GO
    one._client = Unheard()
    with pytest.raises(redis.RedisError):
        getattr(one, step)(task_id)
    with pytest.raises(redis.RedisError):
        one.release_late()
    one._client = client
    one.release_late()
    assert other.admit(task_id) in (Admission.GO, Admission.BEGUN)
    one.release_late()
    assert one.admit(task_id) is Admission.BUSY, "the other's run is not released"


def test_a_task_is_run_by_one_process_at_a_time_and_never_after_its_end(two, task_id):
    one, other = two.task_stores
    assert one.admit(task_id) is Admission.GO
    assert one.admit(task_id) is Admission.BUSY
    assert other.admit(task_id) is Admission.BUSY
    one.release(task_id)
    assert other.admit(task_id) is Admission.GO
    other.finish(task_id)
    assert one.admit(task_id) is Admission.FINISHED
    assert not one.cancel(task_id)
    one.reset(task_id)
    assert one.admit(task_id) is Admission.GO


def test_a_run_that_was_cut_short_is_known_to_the_next(two, task_id):
    one, other = two.task_stores
    assert one.admit(task_id) is Admission.GO
    one.begin(task_id)
    one.release(task_id)  # as its death does
    assert other.admit(task_id) is Admission.CUT_SHORT
    assert one.admit(task_id) is Admission.BUSY


def test_a_parse_that_ended_in_order_is_known_to_the_next_run(two, task_id):
    one, other = two.task_stores
    one.admit(task_id)
    one.begin(task_id)
    one.clear(task_id)
    one.release(task_id)
    assert other.admit(task_id) is Admission.AGAIN


def test_a_run_that_did_not_parse_leaves_no_trace(two, task_id):
    one, other = two.task_stores
    one.admit(task_id)
    one.clear(task_id)
    one.release(task_id)
    assert other.admit(task_id) is Admission.GO


def test_a_cancelled_task_begins_no_run(two, task_id):
    one, other = two.task_stores
    assert one.cancel(task_id)
    assert other.cancelled(task_id)
    assert other.was_reported_or_cancelled(task_id)
    assert other.admit(task_id) is Admission.CANCELLED


def test_attempts_and_reports_outlive_a_process(two, task_id):
    one, other = two.task_stores
    assert [one.begin(task_id), other.begin(task_id), one.begin(task_id)] == [1, 2, 3]
    one.clear(task_id)
    assert other.begin(task_id) == 1
    assert not other.was_reported(task_id)
    one.mark_reported(task_id)
    assert other.was_reported(task_id)


def test_dead_letters_are_kept_once_a_task_and_taken_once(letters):
    def letter(name: str) -> DeadLetter:
        return DeadLetter(task_id=name, kwargs={}, code="poison_replay", error="x", at_unix=1)

    for name in ("a", "b", "a"):
        letters.put(letter(name))
    assert {one.task_id for one in letters.all()} == {"a", "b"}
    assert letters.remove("a") == letter("a")
    assert letters.remove("a") is None
    assert [one.task_id for one in letters.all()] == ["b"]


@pytest.mark.parametrize(
    "text",
    [
        *('"x"', "1", "null", "{}", "no JSON"),
        '{"task_id": "odd", "kwargs": null, "code": "c", "error": "e", "at_unix": 1}',
        '{"task_id": "odd", "kwargs": {}, "code": "c", "error": "e", "at_unix": "late"}',
    ],
)
def test_a_dead_letter_that_can_not_be_read_hides_no_other_and_stays(
    letters, redis_client, caplog, text
):
    redis_client.hset(keys.DEAD_LETTERS, "odd", text)
    letter = DeadLetter(task_id="a", kwargs={}, code="poison_replay", error="x", at_unix=1)
    letters.put(letter)
    for _ in range(3):
        assert letters.all() == [letter]
        assert letters.remove("odd") is None
    assert "dead letter" in caplog.text
    assert letters.remove("a") == letter
    caplog.clear()
    assert letters.all() == []
    assert "dead letter" in caplog.text


def test_a_dead_letter_of_a_newer_version_is_read(letters, redis_client):
    letter = DeadLetter(task_id="a", kwargs={"a": "\ud800"}, code="c", error="\ud800", at_unix=1)
    redis_client.hset(keys.DEAD_LETTERS, "a", letter.to_text()[:-1] + ', "mood": "fine"}')
    assert letters.all() == [letter]
    assert letters.remove("a") == letter
    assert letters.all() == []


class Fleet:
    """Members whose beats come when a test says so, by its clock."""

    def __init__(self, client: redis.Redis) -> None:
        self.client = client
        self.now = 1000.0
        self.members: dict[str, Member] = {}

    def beat(self, *names: str, seconds: float = 0.0) -> None:
        """Each of them, once a second for so many seconds, and once at the end."""
        for _ in range(int(seconds) + 1):
            for name in names:
                made = Member(self.client, name, clock=lambda: self.now)
                self.members.setdefault(name, made).beat()
            self.now += 1
        self.now -= 1

    @property
    def alive(self) -> set[str]:
        return {member.decode() for member in self.client.zrange(keys.BEATS, 0, -1)}


@pytest.fixture
def members(redis_server, redis_client) -> Fleet:
    return Fleet(connect(redis_server.url()))


def test_only_who_stops_while_the_server_answers_is_dead(members):
    members.beat("well", "still", seconds=DEAD_AFTER_SECONDS)
    members.beat("well", seconds=DEAD_AFTER_SECONDS - 1)
    assert members.alive == {"well", "still"}
    members.beat("well", seconds=1)
    assert members.alive == {"well"}


@pytest.mark.parametrize("away_s", [60.0, -3600.0], ids=["the server was away", "clock set back"])
def test_nobody_is_dead_for_what_the_server_did(members, away_s):
    members.beat("first", "second", seconds=DEAD_AFTER_SECONDS)
    members.now += away_s
    members.beat("first", seconds=DEAD_AFTER_SECONDS - 1)
    members.beat("second", "first", seconds=DEAD_AFTER_SECONDS)
    assert members.alive == {"first", "second"}
    members.beat("first", seconds=DEAD_AFTER_SECONDS)
    assert members.alive == {"first"}, "who stops later is found out all the same"


def test_nobody_is_dead_while_the_server_answers_all_of_them_late(members):
    names = [f"late {n}" for n in range(7)]
    for _ in range(3):
        for name in names:
            members.beat(name)
            members.now += 1
    assert members.alive == set(names)


def test_a_dead_worker_takes_its_children_along(members, task_id):
    parent, child = "dead", "dead/123456789:a"
    members.beat("well", parent, seconds=DEAD_AFTER_SECONDS)
    members.client.sadd(keys.children(parent), child)
    lock = RedisLocks(members.client, child).acquire("key", owner="a")
    assert lock is not None
    assert TaskStore(members.client, child).admit(task_id) is Admission.GO
    other = RedisLocks(members.client, "well")
    assert other.acquire("key", owner="b") is None
    assert TaskStore(members.client, "well").admit(task_id) is Admission.BUSY
    members.beat("well", seconds=DEAD_AFTER_SECONDS)
    assert other.acquire("key", owner="b") is not None
    assert TaskStore(members.client, "well").admit(task_id) is not Admission.BUSY
    assert members.client.keys(keys.children("*")) == []


def test_a_child_that_was_killed_is_signed_off_by_its_parent(members):
    gone = subprocess.Popen(["true"])
    gone.wait()
    child = f"parent/{gone.pid}:a"
    members.beat("parent")
    members.client.sadd(keys.children("parent"), child)
    assert RedisLocks(members.client, child).acquire("key", owner="a") is not None
    members.beat("parent")
    assert RedisLocks(members.client, "parent").acquire("key", owner="b") is not None
    assert members.client.keys(keys.children("*")) == []


def test_a_child_whose_parent_was_killed_keeps_what_it_has_while_it_lives(members, task_id):
    parent, child = "dead", f"dead/{os.getpid()}:a"
    members.beat("well", parent, seconds=DEAD_AFTER_SECONDS)
    members.client.sadd(keys.children(parent), child)
    lock = RedisLocks(members.client, child).acquire("key", owner="a")
    assert lock is not None
    assert TaskStore(members.client, child).admit(task_id) is Admission.GO
    members.beat("well", child, seconds=2 * DEAD_AFTER_SECONDS)
    assert members.alive == {"well", child}
    other = RedisLocks(members.client, "well")
    assert other.acquire("key", owner="b") is None
    assert TaskStore(members.client, "well").admit(task_id) is Admission.BUSY
    members.beat("well", seconds=DEAD_AFTER_SECONDS)
    assert other.acquire("key", owner="b") is not None
    assert TaskStore(members.client, "well").admit(task_id) is not Admission.BUSY
    assert members.client.keys(keys.children("*")) == []


def test_a_child_beats_only_when_its_parent_is_gone(members, monkeypatch):
    child = Member(members.client, f"parent/{os.getpid()}:a")
    child.start()
    try:
        assert members.client.smembers(keys.children("parent")) == {child.id.encode()}
        assert members.alive == set()
        monkeypatch.setattr(os, "getppid", lambda: 1)
        poll(lambda: members.alive == {child.id})
    finally:
        child.stop()
    assert members.client.keys(keys.children("*")) == []
    assert members.alive == set()


def test_a_child_of_a_parent_that_was_only_frozen_is_known_again(members):
    child = f"frozen/{os.getpid()}:a"
    members.beat("well", "frozen", seconds=DEAD_AFTER_SECONDS)
    members.beat("well", seconds=DEAD_AFTER_SECONDS)
    assert members.alive == {"well"}
    members.beat("frozen")
    assert RedisLocks(members.client, child).acquire("key", owner="a") is not None
    assert RedisLocks(members.client, "well").acquire("key", owner="b") is None


def test_a_beat_costs_the_same_however_many_there_are(members):
    def commands(count: int) -> int:
        members.client.zadd(keys.BEATS, {f"member {n}": 1e15 for n in range(count)})
        before = members.client.info("commandstats")
        members.beat("one")
        after = members.client.info("commandstats")
        calls = {name: facts["calls"] for name, facts in after.items()}
        return sum(calls.values()) - sum(facts["calls"] for facts in before.values())

    members.beat("one")
    assert commands(10) == commands(1000)
