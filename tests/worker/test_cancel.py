"""A cancelled task leaves nothing behind that others have to wait for, on either broker."""

from __future__ import annotations

import sys

import pytest
from celery.exceptions import TaskRevokedError

from devkit.deployment import WorkerProcess, poll
from parsekit.worker.redis import keys


def cancel(service, *tasks) -> None:
    assert service.run("cancel", *(task.id for task in tasks)).process.wait(60) == 0


def tickets(service) -> list[str]:
    found = service.store.rglob("*")
    return [path.name for path in found if "tickets" in path.parts and path.is_file()]


def test_the_next_in_line_goes_on_at_once_when_the_first_is_cancelled(service):
    service.remote_is(pending_s=600)
    service.worker("--concurrency", "4").ready()
    leader = service.send(service.replay("one"))
    poll(lambda: leader.state == "WAITING")
    joiner = service.send(service.replay("same-content"))
    poll(lambda: joiner.state == "WAITING")
    service.remote_is(pending_s=0)
    cancel(service, leader)
    with pytest.raises(TaskRevokedError):
        leader.get(timeout=30)
    assert joiner.get(timeout=20)["parser"] == "fake"


def test_a_cancelled_task_that_waited_leaves_no_lock_and_no_ticket(any_broker, redis_client):
    """Over RabbitMQ with its next hop."""
    any_broker.remote_is(pending_s=10)
    any_broker.worker("--concurrency", "2").ready()
    task = any_broker.send(any_broker.replay("one"))
    poll(lambda: tickets(any_broker))
    cancel(any_broker, task)
    with pytest.raises(TaskRevokedError):
        task.get(timeout=60)
    assert task.state == "REVOKED"
    poll(lambda: [e for e in any_broker.progress(task.id) if e["status"] == "Error"])
    poll(lambda: not redis_client.keys("parsekit:lock:*"))
    poll(lambda: not tickets(any_broker))
    assert len(any_broker.uploads) == 1


@pytest.mark.parametrize("bulk", [False, True])
def test_a_task_that_rests_for_an_hour_ends_when_it_is_cancelled(service, redis_client, bulk):
    """One of a back-fill among those of its kind, which others pass."""
    service.worker("--concurrency", "2").ready()
    queue = f"{service.queue}-bulk" if bulk else service.queue
    task = service.send(service.replay("one"), queue=queue, countdown=3600)
    poll(lambda: redis_client.hexists(keys.WAITING, task.id))
    assert redis_client.zrange(keys.BULK_DUE if bulk else keys.DUE, 0, -1) == [task.id.encode()]
    cancel(service, task)
    poll(lambda: [e for e in service.progress(task.id) if e["status"] == "Error"])
    assert task.state == "REVOKED"
    assert not redis_client.exists(keys.WAITING, keys.DUE, keys.BULK_DUE)


def test_a_task_that_is_cancelled_as_it_goes_to_rest_ends_too(service):
    """Between the worker's last look and the message in its set, the canceller finds nothing."""
    service.remote_is(pending_s=3600)
    line = [sys.executable, "-m", "late_cancel", "worker", "--concurrency", "2"]
    service.workers.append(WorkerProcess(line, service.environ, service.folder / "late.log"))
    service.workers[-1].ready()
    task = service.send(service.replay("one"))
    with pytest.raises(TaskRevokedError, match="cancelled"):
        task.get(timeout=60)
    assert service.uploads


def test_a_cancelled_task_that_was_delivered_again_leaves_no_ticket_either(service, redis_client):
    """The cancellation met a delivery that knew nothing yet; the one that waited comes later."""
    service.remote_is(pending_s=300)
    first = service.worker().ready()
    key = service.replay("one")
    task = service.send(key, task_id="delivered-twice")
    poll(lambda: redis_client.hexists(keys.WAITING, task.id))
    first.stop()
    waiting = redis_client.hget(keys.WAITING, task.id)
    redis_client.delete(keys.WAITING, keys.DUE)
    cancel(service, task)
    service.send(key, task_id="delivered-twice")
    service.worker().ready()
    poll(lambda: [e for e in service.progress(task.id) if e["status"] == "Error"])
    poll(lambda: not tickets(service))
    queue, _, message = waiting.decode().partition("\n")
    redis_client.lpush(queue, message)
    service.remote_is(pending_s=0)
    other = service.send(service.replay("two", seed=2))
    assert other.get(timeout=60)["parser"] == "fake"
    poll(lambda: not any(map(redis_client.hlen, redis_client.keys("parsekit:taken:*"))))
    assert [e["status"] for e in service.progress(task.id) if e["error"]] == ["Error"]
    assert not tickets(service)
    assert not redis_client.keys("parsekit:lock:*")


def test_a_local_parse_that_runs_is_ended(service):
    """A parser that never returns would have its slot for two minutes."""
    service.configure(parser="fragile")
    service.worker("--concurrency", "1", "--pool", "threads").ready()
    hangs = service.send(service.replay("hang"))
    poll(lambda: hangs.state == "STARTED")
    cancel(service, hangs)
    with pytest.raises(TaskRevokedError):
        hangs.get(timeout=30)
    after = service.send(service.replay("fine", seed=2))
    assert after.get(timeout=30)["data"] == {"fine": True}


def test_a_running_task_that_is_cancelled_is_revoked_and_told_once(any_broker):
    any_broker.worker().ready()
    any_broker.remote_is(slow_s=15)
    task = any_broker.send(any_broker.replay("one"))
    poll(lambda: any_broker.progress(task.id))
    assert any_broker.run("cancel", task.id).process.wait(60) == 0
    with pytest.raises(TaskRevokedError):
        task.get(timeout=60)
    poll(lambda: any_broker.analytics(task.id))
    ends = [e["status"] for e in any_broker.progress(task.id) if e["status"] != "Pending"]
    assert ends == ["Error"]
