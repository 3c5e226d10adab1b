"""Tasks through one Redis, results and the state of tasks in another (or another database)."""

from __future__ import annotations

import pytest
import redis
from celery.exceptions import TaskRevokedError

from devkit.deployment import poll


@pytest.fixture
def apart(make_service, redis_server, redis_client):
    return make_service({"celery": {"broker": redis_server.url(1), "backend": redis_server.url()}})


@pytest.fixture
def broker(apart):
    with redis.Redis.from_url(apart.config["celery"]["broker"]) as client:
        yield client


def in_hand(broker: redis.Redis) -> int:
    return sum(broker.hlen(name) for name in broker.keys("parsekit:taken:*"))


def test_a_killed_workers_task_goes_on_elsewhere(apart, broker):
    apart.remote_is(slow_s=60)
    first = apart.worker().ready()
    task = apart.send(apart.replay("one"))
    poll(lambda: apart.progress(task.id))
    apart.worker().ready()
    apart.remote_is(slow_s=0)
    first.kill()
    assert task.get(timeout=60)["parser"] == "fake"
    poll(lambda: in_hand(broker) == 0)


def test_a_worker_that_ends_gives_back_what_takes_too_long(apart, broker):
    apart.remote_is(slow_s=60)
    worker = apart.worker("--concurrency", "2").ready()
    task = apart.send(apart.replay("one"))
    poll(lambda: apart.progress(task.id))
    worker.stop()
    assert in_hand(broker) == 0
    apart.remote_is(slow_s=0)
    apart.worker().ready()
    assert task.get(timeout=60)["parser"] == "fake"


def test_a_cancelled_task_that_waits_ends_at_once(apart):
    apart.remote_is(pending_s=600)
    apart.worker("--concurrency", "2").ready()
    task = apart.send(apart.replay("one"))
    poll(lambda: task.state == "WAITING")
    assert apart.run("cancel", task.id).process.wait(60) == 0
    with pytest.raises(TaskRevokedError):
        task.get(timeout=30)
    ended = poll(lambda: [e for e in apart.progress(task.id) if e["error"]], seconds=20)
    assert [event["status"] for event in ended] == ["Error"]
