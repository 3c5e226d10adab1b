"""Flights, ledger and membership, over every store that they may stand in."""

from __future__ import annotations

import os
import threading

import pytest
import redis
from amqp.exceptions import MessageNacked

from parsekit.errors import StorageUnavailable
from parsekit.flights import LocalFlights
from parsekit.testing.deployment import poll
from parsekit.worker import keys
from parsekit.worker.amqp_link import AmqpLink
from parsekit.worker.amqp_locks import AmqpFlights, AmqpLocks
from parsekit.worker.dead_letters import AmqpDeadLetters, DeadLetter, RedisDeadLetters
from parsekit.worker.flights_redis import RedisFlights
from parsekit.worker.ledger import RedisLedger, Standing
from parsekit.worker.ledger_amqp import AmqpLedger
from parsekit.worker.membership import BEAT_SECONDS, DEAD_AFTER_SECONDS, Member, Watch
from parsekit.worker.redis_client import connect


class Two:
    """Two processes that share a store."""

    def __init__(self, kind: str, url: str) -> None:
        self.links: list[AmqpLink] = []
        if kind == "redis":
            client = connect(url)
            client.hset(keys.BEATS, mapping={"one": 1, "two": 1})
            self.flights = [RedisFlights(client, name) for name in ("one", "two")]
            self.ledgers = [RedisLedger(client, name) for name in ("one", "two")]
            self.letters = RedisDeadLetters(client)
            self.die = lambda: client.hdel(keys.BEATS, "one")
            return
        self.links = [AmqpLink(url) for _ in range(2)]
        locks = [AmqpLocks(link) for link in self.links]
        self.flights = [AmqpFlights(lock) for lock in locks]
        self.ledgers = [AmqpLedger(*pair) for pair in zip(self.links, locks, strict=True)]
        self.letters = AmqpDeadLetters(self.links[0], f"dead-{os.urandom(4).hex()}")
        self.die = self.links[0].close

    def close(self) -> None:
        for link in self.links:
            link.close()


@pytest.fixture(scope="module")
def quorum_url(rabbit_server) -> str:
    """A vhost of quorum queues, which drop what came back three times."""
    url = rabbit_server.add_vhost("shared-state", "quorum")
    rabbit_server.set_policy("limit", ".*", '{"delivery-limit": 3}', "shared-state")
    return url


@pytest.fixture(params=["redis", "rabbitmq", "rabbitmq-quorum"])
def two(request, redis_server, redis_client):
    url = redis_server.url()
    if request.param == "rabbitmq":
        url = request.getfixturevalue("rabbit_server").url()
    elif request.param == "rabbitmq-quorum":
        url = request.getfixturevalue("quorum_url")
    made = Two(request.param, url)
    yield made
    made.close()


@pytest.fixture
def task_id() -> str:
    return f"task-{os.urandom(4).hex()}"


def test_a_flight_is_one_tasks_until_it_is_released(two, task_id):
    one, other = two.flights
    flight = one.claim(task_id, owner="a")
    assert flight is not None
    assert other.claim(task_id, owner="b") is None
    assert one.claim(task_id, owner="b") is None
    flight.release()
    taken = other.claim(task_id, owner="b")
    assert taken is not None
    flight.release()
    assert one.claim(task_id, owner="a") is None, "what is not ours any more is not released"


def test_a_dead_process_holds_no_flight(two, task_id):
    assert two.flights[0].claim(task_id, owner="a") is not None
    two.die()
    for _ in range(100):
        if two.flights[1].claim(task_id, owner="b") is not None:
            return
        threading.Event().wait(0.05)
    pytest.fail("the flight of a dead process is not free")


def test_a_waiting_tasks_flight_survives_its_process_and_lapses(redis_server, redis_client):
    two = Two("redis", redis_server.url())
    flight = two.flights[0].claim("key", owner="a")
    flight.hold(30)
    two.die()
    assert two.flights[1].claim("key", owner="b") is None
    again = two.flights[1].claim("key", owner="a")
    assert again is not None
    again.hold(0.05)
    threading.Event().wait(0.1)
    assert two.flights[1].claim("key", owner="b") is not None


def test_a_flight_that_redis_did_not_hear_released_is_released_later(redis_server, redis_client):
    client = connect(redis_server.url())
    client.hset(keys.BEATS, "one", 1)
    flights = RedisFlights(client, "one")
    flight = flights.claim("key", owner="a")
    broken = connect("redis://127.0.0.1:1/0")
    flights._client = broken
    with pytest.raises(redis.RedisError):
        flight.release()
    with pytest.raises(StorageUnavailable):
        flights.claim("key", owner="b")
    flights._client = client
    assert flights.claim("key", owner="b") is None
    flights.release_late()
    assert flights.claim("key", owner="b") is not None


def test_a_claim_whose_answer_was_lost_is_released_later(redis_server, redis_client):
    client = connect(redis_server.url())
    client.hset(keys.BEATS, "one", 1)

    class AnswersAreLost:
        def eval(self, *given):
            client.eval(*given)
            raise redis.ConnectionError("reset")

    flights = RedisFlights(client, "one")
    flights._client = AnswersAreLost()
    with pytest.raises(StorageUnavailable):
        flights.claim("key", owner="a")
    flights._client = client
    assert flights.claim("key", owner="b") is None
    flights.release_late()
    assert flights.claim("key", owner="b") is not None


@pytest.mark.parametrize("end", ["is buried", "signs off"])
def test_a_process_that_ends_leaves_no_flight_but_those_of_waiting_tasks(
    redis_server, redis_client, end
):
    client = connect(redis_server.url())
    client.hset(keys.BEATS, "one", 7)
    flights = RedisFlights(client, "one")
    for name in ("held", "waiting"):
        assert flights.claim(name, owner=name) is not None
    flights.claim("waiting", owner="waiting").hold(30)
    if end == "is buried":
        other = Member(client, "two")
        other._bury(b"one", b"6")
        assert len(client.keys(keys.flight("*"))) == 2, "it beats again"
        other._bury(b"one", b"7")
    else:
        Member(client, "one")._sign_off(["one"])
    assert client.keys(keys.flight("*")) == [keys.flight("waiting").encode()]
    assert client.keys(keys.flights_of("*")) == []


def test_local_flights_lapse_by_their_clock():
    now = [0.0]
    flights = LocalFlights(lambda: now[0])
    first = flights.claim("key", owner="a")
    first.hold(10)
    assert flights.claim("key", owner="b") is None
    now[0] = 10
    second = flights.claim("key", owner="b")
    assert second is not None
    first.release()
    assert flights.claim("key", owner="a") is None


def test_a_task_is_run_by_one_process_at_a_time_and_never_after_its_end(two, task_id):
    one, other = two.ledgers
    assert one.enter(task_id) is Standing.GO
    assert one.enter(task_id) is Standing.BUSY
    assert other.enter(task_id) is Standing.BUSY
    one.leave(task_id)
    assert other.enter(task_id) is Standing.GO
    other.finish(task_id)
    assert one.enter(task_id) is Standing.FINISHED
    assert not one.cancel(task_id)
    one.reset(task_id)
    assert one.enter(task_id) is Standing.GO


def test_a_run_that_was_cut_short_is_known_to_the_next(two, task_id):
    one, other = two.ledgers
    assert one.enter(task_id) is Standing.GO
    one.begin(task_id)
    one.leave(task_id)  # as its death does
    assert other.enter(task_id) is Standing.CUT_SHORT
    assert one.enter(task_id) is Standing.BUSY


def test_a_parse_that_ended_in_order_is_known_to_the_next_run(two, task_id):
    one, other = two.ledgers
    one.enter(task_id)
    one.begin(task_id)
    one.clear(task_id)
    one.leave(task_id)
    assert other.enter(task_id) is Standing.AGAIN


def test_a_run_that_did_not_parse_leaves_no_trace(two, task_id):
    one, other = two.ledgers
    one.enter(task_id)
    one.clear(task_id)
    one.leave(task_id)
    assert other.enter(task_id) is Standing.GO


def test_a_cancelled_task_begins_no_run(two, task_id):
    one, other = two.ledgers
    assert one.cancel(task_id)
    assert other.cancelled(task_id)
    assert other.told_or_cancelled(task_id)
    assert other.enter(task_id) is Standing.CANCELLED


def test_attempts_and_reports_outlive_a_process(two, task_id):
    one, other = two.ledgers
    assert [one.begin(task_id), other.begin(task_id), one.begin(task_id)] == [1, 2, 3]
    one.clear(task_id)
    assert other.begin(task_id) == 1
    assert not other.told(task_id)
    one.mark(task_id)
    assert other.told(task_id)


def test_dead_letters_are_kept_once_a_task_and_taken_once(two):
    def letter(name: str) -> DeadLetter:
        return DeadLetter(task_id=name, kwargs={}, code="poison_replay", error="x", at_unix=1)

    for name in ("a", "b", "a"):
        two.letters.put(letter(name))
    assert {one.task_id for one in two.letters.all()} == {"a", "b"}
    assert two.letters.take("a") == letter("a")
    assert two.letters.take("a") is None
    assert [one.task_id for one in two.letters.all()] == ["b"]


def put_as_text(two, task_id: str, text: str) -> None:
    """Put a letter aside that another version, or somebody else, has written."""
    letters = two.letters
    if isinstance(letters, RedisDeadLetters):
        letters._client.hset(keys.DEAD_LETTERS, task_id, text)
    else:
        letters._link.use(
            lambda channel: (letters._declared(channel), letters._send(channel, text))
        )


@pytest.mark.parametrize(
    "text",
    [
        *('"x"', "1", "null", "{}", "no JSON"),
        '{"task_id": "odd", "kwargs": null, "code": "c", "error": "e", "at_unix": 1}',
        '{"task_id": "odd", "kwargs": {}, "code": "c", "error": "e", "at_unix": "late"}',
    ],
)
def test_a_dead_letter_that_can_not_be_read_hides_no_other_and_stays(two, caplog, text):
    put_as_text(two, "odd", text)
    letter = DeadLetter(task_id="a", kwargs={}, code="poison_replay", error="x", at_unix=1)
    two.letters.put(letter)
    for _ in range(3):
        assert two.letters.all() == [letter]
        assert two.letters.take("odd") is None
    assert "dead letter" in caplog.text
    assert two.letters.take("a") == letter
    caplog.clear()
    assert two.letters.all() == []
    assert "dead letter" in caplog.text


def test_a_dead_letter_of_a_newer_version_is_read(two):
    letter = DeadLetter(task_id="a", kwargs={"a": "\ud800"}, code="c", error="\ud800", at_unix=1)
    put_as_text(two, "a", letter.to_text()[:-1] + ', "mood": "fine"}')
    assert two.letters.all() == [letter]
    assert two.letters.take("a") == letter
    assert two.letters.all() == []


def test_looking_often_loses_nothing(two, task_id):
    letter = DeadLetter(task_id="a", kwargs={}, code="poison_replay", error="x", at_unix=1)
    two.letters.put(letter)
    two.ledgers[0].begin(task_id)
    two.ledgers[0].cancel(task_id)
    for _ in range(8):
        assert two.letters.all() == [letter]
        assert two.ledgers[1].cancelled(task_id)
        assert not two.ledgers[1].told(task_id)
    assert two.ledgers[1].begin(task_id) == 2


def test_tasks_leave_no_quorum_queues_and_those_of_older_versions_are_read(
    rabbit_server, quorum_url, task_id
):
    two = Two("rabbitmq-quorum", quorum_url)
    expires = {"x-expires": 3_600_000}
    older = f"older-{task_id}"

    def as_before(channel) -> None:
        for name, arguments in (("task", {**expires, "x-max-length": 1}), ("cancel", expires)):
            channel.queue_declare(
                f"parsekit.{name}.{older}", durable=True, auto_delete=False, arguments=arguments
            )

    two.links[0].use(as_before)
    assert two.ledgers[0].begin(older) == 1
    assert two.ledgers[1].begin(older) == 2
    assert two.ledgers[0].cancel(older)
    two.ledgers[0].begin(task_id)
    two.ledgers[0].cancel(task_id)
    told = rabbit_server.ctl(
        "list_queues", "-p", "shared-state", "name", "type", "--no-table-headers"
    )
    types = dict(line.split("\t") for line in told.splitlines())
    assert types[f"parsekit.task.{task_id}"] == types[f"parsekit.cancel.{task_id}"] == "classic"
    two.close()


def test_a_lock_taken_while_the_connection_is_replaced_is_not_taken_for_a_later_ones(
    rabbit_server, task_id
):
    """Between the broker's answer and the look at the connection, another thread may reconnect."""
    link = AmqpLink(rabbit_server.url())

    class Replaced:
        """The link, whose connection is lost, and made again, after each use."""

        @property
        def generation(self) -> int:
            return link.generation

        def use(self, work):
            try:
                return link.use(work)
            finally:
                with link._lock:
                    link._drop()
                link.use(bool)

    locks = AmqpLocks(Replaced())
    token = locks.acquire(task_id)
    assert token
    assert not locks.holds(task_id, token)
    poll(lambda: locks.acquire(task_id))
    link.close()


def test_a_message_that_rabbitmq_does_not_take_is_a_reason_to_try_again(rabbit_server):
    """A quorum queue without a leader refuses it, as after a restart."""
    link = AmqpLink(rabbit_server.url())

    def refused(channel) -> None:
        raise MessageNacked

    with pytest.raises(StorageUnavailable):
        link.use(refused)
    link.use(bool)
    link.close()


def test_only_who_stands_still_while_the_server_answers_is_dead():
    now = [0.0]
    watch = Watch(lambda: now[0])
    dead: list[tuple[bytes, bytes]] = []
    for beat in range(int(DEAD_AFTER_SECONDS / BEAT_SECONDS) + 1):
        dead = watch.look({b"alive": b"%d" % beat, b"still": b"7"})
        now[0] += BEAT_SECONDS
    assert dead == [(b"still", b"7")]


def test_nobody_looks_dead_after_the_server_was_away():
    now = [0.0]
    watch = Watch(lambda: now[0])
    watch.look({b"a": b"1"})
    now[0] += 600
    assert watch.look({b"a": b"1"}) == []
    now[0] += BEAT_SECONDS
    assert watch.look({b"a": b"1"}) == []
