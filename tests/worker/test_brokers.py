"""The same service over RabbitMQ, and celery-node as a caller over every broker."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from parsekit import errors
from parsekit.testing.deployment import poll
from parsekit.worker.amqp_link import AmqpLink
from parsekit.worker.dead_letters import AmqpDeadLetters


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
def unacked(request, paired_service) -> Callable[[], int]:
    """Counts the messages that workers have taken and not settled."""
    broker = paired_service.config["celery"]["broker"]
    if broker.startswith("redis"):
        client = request.getfixturevalue("redis_client")
        return lambda: sum(client.hlen(name) for name in client.keys("parsekit:taken:*"))
    rabbit = request.getfixturevalue("rabbit_server")
    line = ("list_queues", "-p", broker.rpartition("/")[2], "messages_unacknowledged")
    return lambda: sum(map(int, rabbit.ctl(*line, "--no-table-headers").split()))


def statuses(service, task) -> list[str]:
    """How the task ended, as its caller was told."""
    return [e["status"] for e in service.progress(task.id) if e["status"] != "Pending"]


def test_celery_node_gets_results_and_errors(paired_service, celery_node):
    paired_service.worker().ready()
    paired_service.remote_is(pending_s=1)
    key = paired_service.replay("one")
    good = node_call(celery_node, paired_service, {"replayObjectPath": key, "progressQueue": None})
    assert good["value"]["data"]["sha256"] == paired_service.uploads[0]
    again = node_call(celery_node, paired_service, {"replayObjectPath": key})
    assert again["value"]["cached"] is True
    bad = node_call(celery_node, paired_service, {"replayObjectPath": "../x"})
    assert bad["error"]["exc_type"] == "BadRequest"
    assert (bad["error"]["code"], bad["error"]["retryable"]) == ("bad_request", False)
    assert "'..'" in bad["error"]["message"]
    assert bad["error"]["exc_message"] == [bad["error"]["message"]]
    paired_service.remote_is(reject=1)
    paired_service.replay("two", seed=2)
    refused = node_call(celery_node, paired_service, {"replayObjectPath": "replays/two.replay"})
    assert refused["error"]["code"] == "remote_rejected"


def test_many_callers_cause_one_upload_and_hear_the_end_once(paired_service):
    paired_service.worker("-c", "4").ready()
    paired_service.worker("-c", "4").ready()
    paired_service.remote_is(pending_s=2, slow_s=0.3)
    key = paired_service.replay("one")
    tasks = [paired_service.send(key) for _ in range(6)]
    ids = {task.id for task in tasks}

    def told() -> set[str]:
        return {e["taskId"] for e in paired_service.events() if e.get("status") == "Complete"}

    poll(lambda: told() == ids)
    assert len(paired_service.uploads) == 1
    for task in tasks:
        assert len(paired_service.analytics(task.id)) == 1


def test_a_killed_workers_task_goes_on_elsewhere_within_ten_seconds(paired_service, request):
    """The message comes again at once, where RabbitMQ has it; with Redis its run has to end too."""
    mixed = request.node.callspec.id == "rabbitmq-redis"
    first = paired_service.worker().ready()
    paired_service.remote_is(slow_s=60)
    task = paired_service.send(paired_service.replay("one"))
    poll(lambda: paired_service.progress(task.id))
    paired_service.worker().ready()
    paired_service.remote_is(slow_s=0)
    first.kill()
    began = time.monotonic()
    assert task.get(timeout=60)["parser"] == "fake"
    assert time.monotonic() - began < (15 if mixed else 10)
    poll(lambda: statuses(paired_service, task) == ["Complete"])
    assert len(paired_service.uploads) == 1


def test_tasks_that_wait_are_in_nobodys_hands(paired_service, unacked):
    paired_service.remote_is(pending_s=15)
    paired_service.worker("-c", "2").ready()
    tasks = [paired_service.send(paired_service.replay(f"r{n}", seed=n)) for n in range(4)]
    poll(lambda: len(paired_service.uploads) == 4)
    poll(lambda: unacked() == 0, seconds=8)
    assert not any(statuses(paired_service, task) for task in tasks), "they still wait"
    assert all(task.get(timeout=60)["parser"] == "fake" for task in tasks)


def test_sigterm_lets_a_running_task_end(paired_service, unacked):
    paired_service.remote_is(slow_s=4)
    worker = paired_service.worker("-c", "2").ready()
    task = paired_service.send(paired_service.replay("one"))
    poll(lambda: paired_service.progress(task.id))
    assert worker.stop() < 25
    assert task.get(timeout=10)["parser"] == "fake"
    assert statuses(paired_service, task) == ["Complete"]
    assert unacked() == 0


def test_sigterm_gives_back_a_task_that_takes_too_long(paired_service, unacked):
    paired_service.remote_is(slow_s=60)
    worker = paired_service.worker("-c", "2").ready()
    task = paired_service.send(paired_service.replay("one"))
    poll(lambda: paired_service.progress(task.id))
    assert worker.stop() < 25.5
    poll(lambda: unacked() == 0, seconds=5)
    assert statuses(paired_service, task) == []
    paired_service.remote_is(slow_s=0)
    paired_service.worker().ready()
    assert task.get(timeout=30)["parser"] == "fake"
    assert len(paired_service.uploads) == 1


def test_a_task_delivered_again_is_told_once(paired_service):
    paired_service.worker("-c", "4").ready()
    paired_service.remote_is(pending_s=1, slow_s=0.3)
    key = paired_service.replay("one")
    for _ in range(3):
        paired_service.send(key, task_id="11111111-2222-3333-4444-555555555555")
    done = "11111111-2222-3333-4444-555555555555"
    poll(lambda: paired_service.analytics(done))
    paired_service.send(key, task_id=done)
    other = paired_service.send(paired_service.replay("two", seed=2))
    poll(lambda: paired_service.analytics(other.id))
    finals = [e["status"] for e in paired_service.progress(done) if e["status"] != "Pending"]
    assert finals == ["Complete"]
    assert len(paired_service.analytics(done)) == 1
    assert len(paired_service.uploads) == 2


def test_a_crasher_is_put_aside_on_rabbitmq(make_service, rabbit_server):
    url = rabbit_server.url()
    service = make_service({"celery": {"broker": url, "backend": url, "queue": "crashers"}})
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
    link = AmqpLink(url)
    (letter,) = AmqpDeadLetters(link, "crashers-dead-letters").all()
    link.close()
    assert (letter.task_id, letter.code) == (task.id, "poison_replay")
    assert letter.kwargs["replayObjectPath"] == "replays/poison.replay"
    (service.remote / "kill").unlink()
    assert service.send(service.replay("fine", seed=2)).get(timeout=30)["parser"] == "fake"
