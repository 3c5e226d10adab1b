"""The Redis of the results away, the broker well: tasks wait for it, on RabbitMQ as over Redis."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator

import pytest
import redis
from celery import Celery

from devkit.deployment import hang_up, poll
from devkit.servers.valkey import ValkeyServer, valkey

#: Stricter than RabbitMQ 4's own 20.
DELIVERY_LIMIT = '{"delivery-limit": 3}'
AWAY_S = 12.0


@pytest.fixture
def results(tmp_path) -> Iterator[ValkeyServer]:
    with valkey(tmp_path / "results") as server:
        yield server


@pytest.fixture(params=["rabbitmq-quorum", "rabbitmq-classic", "redis"])
def service(request, make_service, results, redis_server, redis_client):
    broker = redis_server.url()
    if request.param != "redis":
        rabbit = request.getfixturevalue("rabbitmq")
        vhost = f"away-{os.urandom(4).hex()}"
        broker = rabbit.add_vhost(vhost, request.param.removeprefix("rabbitmq-"))
        rabbit.set_policy("limit", ".*", DELIVERY_LIMIT, vhost)
    return make_service({"celery": {"broker": broker, "backend": results.url()}})


def send(service, key: str) -> str:
    """Send as a caller does that looks for its result later; answer the task id."""
    caller = Celery("caller", broker=service.config["celery"]["broker"])
    kwargs = {"replayObjectPath": key}
    sent = caller.send_task("parseReplay", kwargs=kwargs, queue=service.queue)
    hang_up(caller)
    return str(sent.id)


def status(results: ValkeyServer, task_id: str) -> str | None:
    with redis.Redis.from_url(results.url()) as client:
        text = client.get(f"celery-task-meta-{task_id}")
    return json.loads(text)["status"] if text else None


def test_no_task_is_lost_and_no_worker_spins_while_the_results_are_away(service, results):
    service.remote_is(pending_s=1)
    worker = service.worker("--concurrency", "2").ready()
    before = send(service, service.replay("before"))
    poll(lambda: status(results, before) == "SUCCESS")
    results.kill()
    tasks = [send(service, service.replay(f"r{n}", seed=2 + n)) for n in range(3)]
    time.sleep(AWAY_S)
    tries = worker.text().count("tries again soon")
    results.start()
    poll(lambda: {status(results, task) for task in tasks} == {"SUCCESS"})
    assert 3 <= tries <= 3 * AWAY_S
    assert len(service.uploads) == 4


def test_a_task_that_waits_outlives_them_too(service, results):
    service.remote_is(pending_s=4)
    service.worker("--concurrency", "2").ready()
    task = send(service, service.replay("one"))
    poll(lambda: status(results, task) == "WAITING")
    results.kill()
    time.sleep(AWAY_S)
    results.start()
    poll(lambda: status(results, task) == "SUCCESS")
    assert len(service.uploads) == 1
