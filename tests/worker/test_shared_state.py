"""Locks, ledger, dead letters and membership in Redis."""

from __future__ import annotations

import os
import threading

import pytest
import redis

from parsekit.errors import StorageUnavailable
from parsekit.pipeline.locks import LocalLocks
from parsekit.worker.dead_letters import DeadLetter, DeadLetters
from parsekit.worker.redis import keys
from parsekit.worker.redis.client import connect
from parsekit.worker.redis.locks import RedisLocks
from parsekit.worker.redis.membership import BEAT_SECONDS, DEAD_AFTER_SECONDS, Member, Watch
from parsekit.worker.redis.task_store import Admission, TaskStore


class Two:
    """Two processes that share a Redis."""

    def __init__(self, url: str) -> None:
        client = connect(url)
        client.hset(keys.BEATS, mapping={"one": 1, "two": 1})
        self.locks = [RedisLocks(client, name) for name in ("one", "two")]
        self.task_stores = [TaskStore(client, name) for name in ("one", "two")]
        self.die = lambda: client.hdel(keys.BEATS, "one")


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
    client.hset(keys.BEATS, "one", 1)
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
    client.hset(keys.BEATS, "one", 1)

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
    client.hset(keys.BEATS, "one", 7)
    locks = RedisLocks(client, "one")
    for name in ("held", "waiting"):
        assert locks.acquire(name, owner=name) is not None
    locks.acquire("waiting", owner="waiting").extend(30)
    if end == "is buried":
        other = Member(client, "two", client)
        other._evict(b"one", b"6")
        assert len(client.keys(keys.lock("*"))) == 2, "it beats again"
        other._evict(b"one", b"7")
    else:
        Member(client, "one", client)._sign_off(["one"])
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


def test_only_who_stands_still_while_the_server_answers_is_dead():
    now = [0.0]
    watch = Watch(lambda: now[0])
    dead: list[tuple[bytes, bytes]] = []
    for beat in range(int(DEAD_AFTER_SECONDS / BEAT_SECONDS) + 1):
        dead = watch.observe({b"alive": b"%d" % beat, b"still": b"7"})
        now[0] += BEAT_SECONDS
    assert dead == [(b"still", b"7")]


def test_nobody_looks_dead_after_the_server_was_away():
    now = [0.0]
    watch = Watch(lambda: now[0])
    watch.observe({b"a": b"1"})
    now[0] += 600
    assert watch.observe({b"a": b"1"}) == []
    now[0] += BEAT_SECONDS
    assert watch.observe({b"a": b"1"}) == []
