"""Workers that die, freeze or are stopped: every task ends once, with the right result."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import kombu
import pytest
import redis

from devkit.deployment import WorkerProcess, poll
from devkit.servers.valkey import valkey
from parsekit import errors
from parsekit.worker.redis import keys


def in_hand(client: redis.Redis) -> int:
    return sum(client.hlen(name) for name in client.keys("parsekit:taken:*"))


def alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()


def finals(service, task_id):
    return [e["status"] for e in service.progress(task_id) if e["status"] != "Pending"]


def test_a_killed_workers_task_goes_on_with_another_within_ten_seconds(service):
    first, second = service.worker().ready(), service.worker().ready()
    second.stop()
    service.remote_is(slow_s=30)
    task = service.send(service.replay("one"))
    poll(lambda: task.state == "STARTED")
    other = service.worker().ready()
    service.remote_is(slow_s=0)
    first.kill()
    began = time.monotonic()
    assert task.get(timeout=30)["parser"] == "fake"
    assert time.monotonic() - began < 10
    assert other.process.poll() is None
    assert len(service.uploads) == 1
    assert finals(service, task.id) == ["Complete"]
    values = [e["progress"]["value"] for e in service.progress(task.id)]
    assert values == sorted(values)
    assert values[-1] == 100


def test_a_message_is_not_lost_in_a_worker_that_is_frozen_while_it_waits(service):
    frozen = service.worker().ready()
    time.sleep(0.5)
    frozen.signal(signal.SIGSTOP)
    task = service.send(service.replay("one"))
    time.sleep(1)
    frozen.kill()
    service.worker().ready()
    assert task.get(timeout=30)["parser"] == "fake"


def test_a_waiting_task_survives_the_end_of_all_workers_and_is_not_uploaded_again(service):
    service.remote_is(pending_s=6)
    first = service.worker().ready()
    task = service.send(service.replay("one"))
    poll(lambda: task.state == "WAITING")
    first.kill()
    service.worker().ready()
    assert task.get(timeout=30)["parser"] == "fake"
    assert len(service.uploads) == 1
    assert finals(service, task.id) == ["Complete"]
    assert len(service.analytics(task.id)) == 1


def test_a_frozen_worker_that_wakes_up_does_no_harm(service, redis_client):
    service.remote_is(slow_s=4)
    frozen = service.worker("--concurrency", "2").ready()
    task = service.send(service.replay("one"))
    poll(lambda: task.state == "STARTED")
    frozen.signal(signal.SIGSTOP)
    service.worker("--concurrency", "2").ready()
    assert task.get(timeout=40)["parser"] == "fake"
    frozen.signal(signal.SIGCONT)
    poll(lambda: not in_hand(redis_client))
    poll(lambda: not redis_client.zcard("parsekit:due"))
    assert len(service.uploads) <= 2
    assert len(service.analytics(task.id)) == 1
    assert finals(service, task.id) == ["Complete"]
    assert service.send(service.replay("two", seed=2)).get(timeout=30)["parser"] == "fake"


def test_a_replay_that_ends_its_worker_is_put_aside_after_three_attempts(service, redis_client):
    service.remote_is(kill=1)
    task = service.send(service.replay("poison"))
    for _ in range(3):
        worker = service.worker()
        poll(lambda worker=worker: worker.process.poll() is not None)
    service.worker().ready()
    with pytest.raises(errors.PoisonReplay):
        task.get(timeout=40)
    assert finals(service, task.id) == ["Error"]
    (service.remote / "kill").unlink()
    assert service.send(service.replay("fine", seed=2)).get(timeout=30)["parser"] == "fake"


def test_sigterm_lets_a_running_task_end_and_leaves_nothing_in_hand(service, redis_client):
    service.remote_is(slow_s=3)
    worker = service.worker().ready()
    task = service.send(service.replay("one"))
    poll(lambda: task.state == "STARTED")
    assert worker.stop() < 25
    assert task.get(timeout=5)["parser"] == "fake"
    assert in_hand(redis_client) == 0
    assert redis_client.zcard("parsekit:beats") == 0


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_sigterm_gives_back_a_task_that_takes_too_long(service, redis_client, pool):
    service.remote_is(slow_s=60)
    worker = service.worker("--pool", pool, "--concurrency", "2").ready()
    children = worker.children
    task = service.send(service.replay("one"))
    poll(lambda: task.state == "STARTED")
    assert worker.stop() < 25
    assert in_hand(redis_client) == 0
    assert redis_client.zcard("parsekit:beats") == 0
    assert redis_client.llen(service.queue) == 1
    poll(lambda: not any(map(alive, children)))
    service.remote_is(slow_s=0)
    service.worker().ready()
    assert task.get(timeout=30)["parser"] == "fake"


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_sigterm_ends_in_time_though_redis_is_frozen(make_service, tmp_path, pool):
    with valkey(tmp_path / "own") as server:
        service = make_service({"celery": {"broker": server.url(), "backend": server.url()}})
        service.remote_is(slow_s=60)
        worker = service.worker("--pool", pool, "--concurrency", "2").ready()
        children = worker.children
        task = service.send(service.replay("one"))
        poll(lambda: task.state == "STARTED")
        server.signal(signal.SIGSTOP)
        try:
            assert worker.stop() < 25.5
        finally:
            server.signal(signal.SIGCONT)
        poll(lambda: not any(map(alive, children)))
        service.remote_is(slow_s=0)
        service.worker().ready()
        assert task.get(timeout=40)["parser"] == "fake"


@pytest.mark.parametrize("broker", ["redis", "rabbitmq"])
def test_nobody_is_left_of_a_worker_that_ends_just_after_its_children_were_killed(
    make_service, tmp_path, rabbitmq, broker
):
    """Celery kills a child that is slow to come up; where no other worker is, nobody buries it."""
    with valkey(tmp_path / "own") as server:
        at = rabbitmq.add_vhost("killed") if broker == "rabbitmq" else server.url()
        service = make_service({"celery": {"broker": at, "backend": server.url()}})
        worker = service.worker("--pool", "prefork", "--concurrency", "2").ready()
        client = redis.Redis.from_url(server.url())
        poll(
            lambda: (
                client.keys(keys.children("*"))
                and client.scard(client.keys(keys.children("*"))[0]) == 2
            )
        )
        for child in worker.children:
            os.kill(child, signal.SIGKILL)
        assert worker.stop() < 5
        assert client.zcard(keys.BEATS) == 0
        assert client.keys(keys.children("*")) == []
        client.close()


def test_a_prefork_worker_survives_the_kill_of_a_child(service, redis_client):
    service.remote_is(slow_s=60)
    worker = service.worker("--pool", "prefork", "--concurrency", "2").ready()
    task = service.send(service.replay("one"))
    poll(lambda: task.state == "STARTED")
    children = worker.children
    service.remote_is(slow_s=0)
    for child in children:
        os.kill(child, signal.SIGKILL)
    assert task.get(timeout=40)["parser"] == "fake"
    assert len(service.uploads) == 1
    assert finals(service, task.id) == ["Complete"]
    poll(lambda: len(service.analytics(task.id)) == 1)
    assert worker.stop() < 25
    assert in_hand(redis_client) == 0


def test_a_parse_whose_process_somebody_ends_is_done_once_more(
    make_service, redis_server, redis_client
):
    url = redis_server.url()
    service = make_service({"parser": "fragile", "celery": {"broker": url, "backend": url}})
    worker = service.worker("--pool", "threads", "--concurrency", "1").ready()
    task = service.send(service.replay("slow"))
    poll(lambda: worker.children)
    time.sleep(1)  # until it parses
    for child in worker.children:
        os.kill(child, signal.SIGKILL)
    assert task.get(timeout=30)["data"] == {"fine": True}
    assert [e["status"] for e in service.progress(task.id)][-1] == "Complete"
    assert not any(e["status"] == "Error" for e in service.progress(task.id))
    assert redis_client.hlen("parsekit:dead-letters") == 0


def test_a_worker_killed_after_it_stored_a_result_causes_no_second_end(rabbit_service):
    """Its message was not acknowledged, and comes again."""
    service = rabbit_service
    line = [sys.executable, "-m", "dying_worker", "worker"]
    dying = WorkerProcess(line, service.environ, service.folder / "dying.log")
    service.workers.append(dying)
    dying.ready()
    task = service.send(service.replay("one"))
    poll(lambda: dying.process.poll() is not None)
    assert task.state == "SUCCESS"
    worker = service.worker("--concurrency", "1").ready()
    assert service.send("replays/one.replay").get(timeout=60)["parser"] == "fake"
    worker.stop()  # what is un-acknowledged comes back, and can be counted
    with kombu.Connection(service.config["celery"]["broker"]) as connection:
        queue = connection.default_channel.queue_declare(service.queue, passive=True)
        assert queue.message_count == 0
    assert finals(service, task.id) == ["Complete"]
    assert len(service.analytics(task.id)) == 1
