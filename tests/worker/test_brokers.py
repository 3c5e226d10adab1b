"""The same service over RabbitMQ, and celery-node as a caller over every broker."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from devkit.deployment import poll
from parsekit import errors
from parsekit.worker.dead_letters import DeadLetters


def node_call(folder: Path, service, kwargs: dict[str, Any], seconds: float = 40) -> dict[str, Any]:
    celery = json.loads((service.folder / "parsekit.json").read_text())["celery"]
    line = ["node", "call.js", celery["broker"], celery["backend"], service.queue]
    done = subprocess.run(
        [*line, json.dumps(kwargs), str(int(seconds * 1000))],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=seconds + 30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


@pytest.fixture
def unacked(request, any_broker) -> Callable[[], int]:
    """Counts the messages that workers have taken and not settled."""
    broker = any_broker.config["celery"]["broker"]
    if broker.startswith("redis"):
        client = request.getfixturevalue("redis_client")
        return lambda: sum(client.hlen(name) for name in client.keys("parsekit:taken:*"))
    rabbit = request.getfixturevalue("rabbitmq")
    vhost = broker.rpartition("/")[2]
    return lambda: sum(rabbit.count("messages_unacknowledged", vhost).values())


def statuses(service, task) -> list[str]:
    """How the task ended, as its caller was told."""
    return [e["status"] for e in service.progress(task.id) if e["status"] != "Pending"]


def test_celery_node_gets_results_and_errors(any_broker, celery_node):
    any_broker.worker().ready()
    any_broker.remote_is(pending_s=1)
    key = any_broker.replay("one")
    good = node_call(celery_node, any_broker, {"replayObjectPath": key, "progressQueue": None})
    assert good["value"]["data"]["sha256"] == any_broker.uploads[0]
    again = node_call(celery_node, any_broker, {"replayObjectPath": key})
    assert again["value"]["cached"] is True
    bad = node_call(celery_node, any_broker, {"replayObjectPath": "../x"})
    assert bad["error"]["exc_type"] == "BadRequest"
    assert (bad["error"]["code"], bad["error"]["retryable"]) == ("bad_request", False)
    assert "'..'" in bad["error"]["message"]
    assert bad["error"]["exc_message"] == [bad["error"]["message"]]
    any_broker.remote_is(reject=1)
    any_broker.replay("two", seed=2)
    refused = node_call(celery_node, any_broker, {"replayObjectPath": "replays/two.replay"})
    assert refused["error"]["code"] == "remote_rejected"


def test_many_callers_cause_one_upload_and_hear_the_end_once(any_broker):
    any_broker.worker("--concurrency", "4").ready()
    any_broker.worker("--concurrency", "4").ready()
    any_broker.remote_is(pending_s=2, slow_s=0.3)
    key = any_broker.replay("one")
    tasks = [any_broker.send(key) for _ in range(6)]
    ids = {task.id for task in tasks}

    def told() -> set[str]:
        return {e["taskId"] for e in any_broker.events() if e.get("status") == "Complete"}

    poll(lambda: told() == ids)
    assert len(any_broker.uploads) == 1
    for task in tasks:
        assert len(any_broker.analytics(task.id)) == 1


def test_a_killed_workers_task_goes_on_elsewhere_within_seconds(any_broker, request):
    """The message comes again at once, where RabbitMQ has it; its run has to end in Redis too."""
    mixed = request.node.callspec.id != "redis"
    first = any_broker.worker().ready()
    any_broker.remote_is(slow_s=60)
    task = any_broker.send(any_broker.replay("one"))
    poll(lambda: any_broker.progress(task.id))
    any_broker.worker().ready()
    any_broker.remote_is(slow_s=0)
    first.kill()
    began = time.monotonic()
    assert task.get(timeout=60)["parser"] == "fake"
    assert time.monotonic() - began < (15 if mixed else 10)
    poll(lambda: statuses(any_broker, task) == ["Complete"])
    assert len(any_broker.uploads) == 1


def test_tasks_that_wait_are_in_nobodys_hands(any_broker, unacked):
    any_broker.remote_is(pending_s=15)
    any_broker.worker("--concurrency", "2").ready()
    tasks = [any_broker.send(any_broker.replay(f"r{n}", seed=n)) for n in range(4)]
    poll(lambda: len(any_broker.uploads) == 4)
    poll(lambda: unacked() == 0)
    assert not any(statuses(any_broker, task) for task in tasks), "they still wait"
    assert all(task.get(timeout=60)["parser"] == "fake" for task in tasks)


def test_sigterm_lets_a_running_task_end(any_broker, unacked):
    any_broker.remote_is(slow_s=4)
    worker = any_broker.worker("--concurrency", "2").ready()
    task = any_broker.send(any_broker.replay("one"))
    poll(lambda: any_broker.progress(task.id))
    assert worker.stop() < 25
    assert task.get(timeout=10)["parser"] == "fake"
    assert statuses(any_broker, task) == ["Complete"]
    poll(lambda: unacked() == 0)  # a quorum queue counts every five seconds


def test_sigterm_gives_back_a_task_that_takes_too_long(any_broker, unacked):
    any_broker.remote_is(slow_s=60)
    worker = any_broker.worker("--concurrency", "2").ready()
    task = any_broker.send(any_broker.replay("one"))
    poll(lambda: any_broker.progress(task.id))
    assert worker.stop() < 25.5
    poll(lambda: unacked() == 0)
    assert statuses(any_broker, task) == []
    any_broker.remote_is(slow_s=0)
    any_broker.worker().ready()
    assert task.get(timeout=30)["parser"] == "fake"
    assert len(any_broker.uploads) == 1


def test_a_task_delivered_again_is_told_once(any_broker):
    any_broker.worker("--concurrency", "4").ready()
    any_broker.remote_is(pending_s=1, slow_s=0.3)
    key = any_broker.replay("one")
    for _ in range(3):
        any_broker.send(key, task_id="11111111-2222-3333-4444-555555555555")
    done = "11111111-2222-3333-4444-555555555555"
    poll(lambda: any_broker.analytics(done))
    any_broker.send(key, task_id=done)
    other = any_broker.send(any_broker.replay("two", seed=2))
    poll(lambda: any_broker.analytics(other.id))
    finals = [e["status"] for e in any_broker.progress(done) if e["status"] != "Pending"]
    assert finals == ["Complete"]
    assert len(any_broker.analytics(done)) == 1
    assert len(any_broker.uploads) == 2


def test_a_crasher_is_put_aside_on_rabbitmq(rabbit_service, redis_client):
    service = rabbit_service
    service.remote_is(kill=1)
    task = service.send(service.replay("poison"))
    for _ in range(3):
        worker = service.worker()
        poll(lambda worker=worker: worker.process.poll() is not None)
    service.worker().ready()
    told = poll(lambda: [e for e in service.progress(task.id) if e["status"] == "Error"])
    assert "put aside" in told[0]["error"]
    with pytest.raises(errors.PoisonReplay):
        task.get(timeout=30)
    (letter,) = DeadLetters(redis_client).all()
    assert (letter.task_id, letter.code) == (task.id, "poison_replay")
    assert letter.kwargs["replayObjectPath"] == "replays/poison.replay"
    (service.remote / "kill").unlink()
    assert service.send(service.replay("fine", seed=2)).get(timeout=30)["parser"] == "fake"
