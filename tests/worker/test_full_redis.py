"""A Redis without room, which refuses what would need some: workers wait for it, and go on."""

from __future__ import annotations

import threading
import time

import pytest
import redis

from devkit.deployment import poll
from devkit.servers.valkey import valkey
from parsekit.config import CelerySettings, Config
from parsekit.worker.addresses import Addresses
from parsekit.worker.monitoring.queue_stats import queues_of
from parsekit.worker.redis import keys

#: Long enough for an idle worker to ask several times.
FULL_S = 6.0


@pytest.fixture
def full(tmp_path, make_service):
    """A service on a Redis of its own, which the test fills, and a client of it."""
    with valkey(tmp_path / "valkey") as server, redis.Redis.from_url(server.url()) as client:
        yield make_service({"celery": {"broker": server.url(), "backend": server.url()}}), client


def fill(client: redis.Redis) -> None:
    client.config_set("maxmemory", "1kb")


def make_room(client: redis.Redis) -> None:
    client.config_set("maxmemory", "0")


def in_hand(client: redis.Redis) -> int:
    return sum(map(client.hlen, client.keys("parsekit:taken:*")))


def test_an_idle_worker_outlives_a_full_redis_and_goes_on_by_itself(full):
    service, client = full
    worker = service.worker("--concurrency", "2").ready()
    key = service.replay("one")
    assert service.send(key).get(timeout=60)["parser"] == "fake"
    fill(client)
    time.sleep(FULL_S)
    assert worker.process.poll() is None, worker.text()[-3000:]
    assert worker.text().count("Redis refuses work") == 1
    make_room(client)
    assert service.send(key).get(timeout=60)["cached"] is True
    assert worker.process.poll() is None


def test_tasks_that_run_while_redis_is_full_keep_their_result_and_the_queue_waits(full):
    service, client = full
    worker = service.worker("--concurrency", "2").ready()
    service.remote_is(slow_s=3)
    running = service.send(service.replay("one"))
    poll(lambda: running.state == "STARTED")
    waiting = [service.send(service.replay(f"more{n}", seed=10 + n)) for n in range(6)]
    fill(client)
    time.sleep(FULL_S)
    service.remote_is(slow_s=0)
    assert worker.process.poll() is None, worker.text()[-3000:]
    assert in_hand(client) <= 2, "it took more than it has slots for"
    make_room(client)
    for task in (running, *waiting):
        assert task.get(timeout=60)["parser"] == "fake"
    poll(lambda: in_hand(client) == 0)
    assert len(service.uploads) == 1 + len(waiting)


def test_results_and_state_are_kept_for_as_long_as_is_set(tmp_path, make_service):
    with valkey(tmp_path / "valkey") as server, redis.Redis.from_url(server.url()) as client:
        celery = {"broker": server.url(), "backend": server.url()}
        service = make_service({"celery": {**celery, "result_expires": 90, "state_expires": 4000}})
        service.worker("--concurrency", "2").ready()
        task = service.send(service.replay("one"))
        assert task.get(timeout=60)["parser"] == "fake"
        assert 30 < client.ttl(keys.result(task.id)) <= 90
        assert 3600 < client.ttl(keys.task(task.id)) <= 4000
        lasting = {name for name in client.keys("*") if client.ttl(name) < 0}
        assert not [name for name in lasting if task.id.encode() in name]


def test_how_full_a_redis_is_shows_among_the_numbers(redis_server, redis_client):
    url = redis_server.url()
    at = Addresses.of(Config(sections={"celery": CelerySettings(broker=url)}))
    queues = queues_of(at, at.all_queues)
    redis_client.config_set("maxmemory", "1gb")
    try:
        queues.sample()
    finally:
        redis_client.config_set("maxmemory", "0")
    told = {(m.name, m.labels.get("server")): m.value for m in queues.metrics()}
    assert told["parsekit_redis_limit_bytes", "broker"] == 1 << 30
    assert 0 < told["parsekit_redis_used_bytes", "broker"] < 1 << 30
    assert ("parsekit_redis_used_bytes", "results") not in told, "it is the same one"


def test_a_worker_outlives_a_redis_that_is_a_replica_for_a_while(full):
    service, client = full
    worker = service.worker("--concurrency", "2").ready()
    key = service.replay("one")
    client.replicaof("127.0.0.1", "1")
    time.sleep(FULL_S)
    client.replicaof("NO", "ONE")
    assert service.send(key).get(timeout=60)["parser"] == "fake"
    assert worker.process.poll() is None


def test_a_worker_outlives_a_redis_that_is_busy_with_a_script(full):
    service, client = full
    worker = service.worker("--concurrency", "2").ready()
    key = service.replay("one")
    client.config_set("busy-reply-threshold", "100")
    with redis.Redis.from_url(service.config["celery"]["broker"], socket_timeout=60) as other:
        script = threading.Thread(target=run_for_ever, args=(other,))
        script.start()
        time.sleep(FULL_S)
        client.script_kill()
        script.join()
    assert service.send(key).get(timeout=60)["parser"] == "fake"
    assert worker.process.poll() is None


def run_for_ever(client: redis.Redis) -> None:
    with pytest.raises(redis.ResponseError):
        client.eval("while true do end", 0)


@pytest.mark.parametrize("text", ["BUSY Redis is busy running a script", "MISCONF disk is full"])
def test_what_a_server_does_later_is_told_from_what_it_never_does(text):
    from parsekit.worker.redis.transient_errors import is_transient  # noqa: PLC0415

    assert is_transient(redis.ResponseError(text))
    assert not is_transient(redis.ResponseError("WRONGTYPE Operation against a key"))
    assert not is_transient(redis.ConnectionError(text))
