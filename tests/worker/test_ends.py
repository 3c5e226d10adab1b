"""Whoever ends a task, all who listen are told once, and it leaves nothing that others wait for."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import pytest
from billiard.exceptions import TimeLimitExceeded
from celery.exceptions import TaskRevokedError

from devkit.deployment import WorkerProcess, poll
from parsekit import errors
from parsekit.worker.redis import keys

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(params=["redis", "rabbitmq"])
def service_of(request):
    """A service over this broker."""
    return request.getfixturevalue("service" if request.param == "redis" else "rabbit_service")


@pytest.fixture
def told(redis_client):
    """Checks that one end of this task was told, with words, and that nothing is left of it."""

    def check(service, task, code: str, words: str) -> None:
        poll(lambda: service.analytics(task.id))
        events = service.progress(task.id)
        assert [e["status"] for e in events if e["status"] != "Pending"] == ["Error"]
        assert words in events[-1]["error"]
        values = [e["progress"]["value"] for e in events]
        assert values == sorted(values)
        poll(lambda: not redis_client.keys("parsekit:lock:*"))
        poll(lambda: not [p for p in service.store.rglob("*/tickets/*/*/*.json") if p.is_file()])
        assert poll(lambda: ends_in_audit(service, task)).count(code) == 1
        result = meta(redis_client, task)["result"]
        assert (result["code"], result["retryable"]) == (code, False)
        assert words in result["message"] or code == "parser_timeout"
        other = service.send(service.replay(f"after-{task.id}", seed=99))
        assert other.get(timeout=60)["parser"] == service.config["parser"]
        assert len(service.analytics(task.id)) == 1
        assert service.progress(task.id) == events

    return check


def meta(redis_client, task) -> dict[str, Any]:
    return dict(json.loads(redis_client.get(f"celery-task-meta-{task.id}")))


def ends_in_audit(service, task) -> list[str]:
    file = service.folder / "data/parsekit/audit.jsonl"
    lines = file.read_text().splitlines() if file.exists() else []
    mine = [each for each in map(json.loads, lines) if each["taskId"] == task.id]
    return [each["result"] for each in mine if each["result"] not in ("running", "waiting")]


def celery_worker(service, *options: str) -> WorkerProcess:
    """Celery's own command."""
    line = [sys.executable, "-m", "celery", "-A", "parsekit.worker:app", "worker", "-l", "info"]
    log = service.folder / f"celery{len(service.workers)}.log"
    service.workers.append(WorkerProcess([*line, *options], service.environ, log))
    return service.workers[-1].ready()


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_a_task_that_expires_while_it_waits(service_of, told, pool):
    service = service_of
    service.remote_is(pending_s=600)
    service.worker("--pool", pool, "--concurrency", "2").ready()
    began = time.monotonic()
    task = service.send(service.replay("one"), expires=8)
    poll(lambda: service.uploads)
    with pytest.raises(TaskRevokedError, match="expired"):
        task.get(timeout=90)
    assert time.monotonic() - began < 45, "it is told when it expires, not with a later hop"
    service.remote_is(pending_s=0)
    told(service, task, "expired", "expired")


def expires_before_a_worker_comes(service, told) -> None:
    task = service.send(service.replay("one"), expires=1)
    time.sleep(1.5)
    service.worker("--concurrency", "2").ready()
    with pytest.raises(TaskRevokedError, match="expired"):
        task.get(timeout=60)
    told(service, task, "expired", "expired")
    assert len(service.uploads) == 1, "it was not begun"


def test_a_task_that_expired_before_a_worker_came(service, told):
    expires_before_a_worker_comes(service, told)


def test_a_task_that_expired_in_a_queue_of_rabbitmq(rabbit_service, rabbitmq, told):
    """As docs/service.md says, a policy hands it on to the poll queue instead of dropping it."""
    queue = rabbit_service.queue
    dead_letter = {"dead-letter-exchange": "", "dead-letter-routing-key": f"{queue}-poll"}
    policy = (queue, f"^{queue}$", json.dumps(dead_letter))
    rabbitmq.set_policy(*policy, vhost=rabbit_service.config["celery"]["broker"].rpartition("/")[2])
    rabbit_service.worker("--concurrency", "2").ready().stop()
    expires_before_a_worker_comes(rabbit_service, told)


def test_a_task_that_expires_as_its_worker_is_killed(service_of, told):
    """RabbitMQ drops what has expired and lies in a queue."""
    service = service_of
    service.remote_is(slow_s=60)
    first = service.worker("--concurrency", "2").ready()
    expires_unix = time.time() + 15
    task = service.send(service.replay("one"), expires=15)
    poll(lambda: service.progress(task.id))
    first.kill()
    service.remote_is(slow_s=0)
    time.sleep(max(0.0, expires_unix + 0.5 - time.time()))
    service.worker("--concurrency", "2").ready()
    with pytest.raises(TaskRevokedError, match="expired"):
        task.get(timeout=60)
    told(service, task, "expired", "expired")


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_a_task_that_is_revoked_while_it_waits(service_of, told, pool):
    service = service_of
    service.remote_is(pending_s=15)
    service.worker("--pool", pool, "--concurrency", "2").ready()
    task = service.send(service.replay("one"))
    poll(lambda: task.state == "WAITING")
    service.caller.control.revoke(task.id)
    with pytest.raises(TaskRevokedError, match="revoked"):
        task.get(timeout=90)
    service.remote_is(pending_s=0)
    told(service, task, "cancelled", "revoked")


def test_a_task_that_rests_for_an_hour_ends_when_it_is_revoked(service, redis_client, told):
    service.worker("--concurrency", "2").ready()
    task = service.send(service.replay("one"), countdown=3600)
    poll(lambda: redis_client.hexists(keys.WAITING, task.id))
    rests_s = redis_client.zscore(keys.DUE, task.id) / 1000 - redis_client.time()[0]
    assert rests_s > 3000, "it does not come back each minute"
    service.caller.control.revoke(task.id)
    with pytest.raises(TaskRevokedError, match="revoked"):
        task.get(timeout=30)
    told(service, task, "cancelled", "revoked")


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_a_task_that_is_revoked_as_it_runs_ends_when_it_begins_to_wait(service, told, pool):
    """What the workers remember of it, one that comes an hour later may have forgotten."""
    service.remote_is(slow_s=4, pending_s=3600)
    service.worker("--pool", pool, "--concurrency", "2").ready()
    task = service.send(service.replay("one"))
    poll(lambda: task.state == "STARTED")
    service.caller.control.revoke(task.id)
    with pytest.raises(TaskRevokedError, match="revoked"):
        task.get(timeout=60)
    assert service.uploads
    service.remote_is(slow_s=0, pending_s=0)
    told(service, task, "cancelled", "revoked")


@pytest.mark.parametrize("obeys_all", [False, True])
def test_a_task_that_rests_is_revoked_though_every_worker_that_heard_it_is_gone(
    make_service, redis_server, redis_client, told, obeys_all
):
    url = redis_server.url()
    celery = {"broker": url, "backend": url, "remote_control": obeys_all}
    service = make_service({"celery": celery})
    service.remote_is(pending_s=3600)
    first = service.worker("--concurrency", "2").ready()
    task = service.send(service.replay("one"))
    poll(lambda: redis_client.hexists(keys.WAITING, task.id))
    waiting = redis_client.hget(keys.WAITING, task.id)
    redis_client.delete(keys.WAITING, keys.DUE)
    service.caller.control.revoke(task.id)
    poll(lambda: redis_client.hget(keys.task(task.id), "revoked"))
    first.stop()
    queue, _, message = waiting.decode().partition("\n")
    redis_client.lpush(queue, message)
    service.worker("--concurrency", "2").ready()
    with pytest.raises(TaskRevokedError, match="revoked"):
        task.get(timeout=60)
    service.remote_is(pending_s=0)
    told(service, task, "cancelled", "revoked")


def test_a_task_that_is_revoked_before_it_began_though_nobody_remembers(service, told):
    service.remote_is(slow_s=10)
    first = service.worker("--concurrency", "1").ready()
    service.send(service.replay("busy"))
    poll(service.events)
    task = service.send(service.replay("one", seed=2))
    service.caller.control.revoke(task.id)
    poll(lambda: task.state == "REVOKED")
    first.kill()
    service.remote_is(slow_s=0)
    service.worker("--concurrency", "2").ready()
    told(service, task, "cancelled", "revoked")
    assert task.state == "REVOKED"


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_a_task_that_is_terminated_while_it_runs(service_of, told, pool):
    """The process that runs it is killed; a thread can't be, so its answer is dropped."""
    service = service_of
    service.remote_is(slow_s=60 if pool == "prefork" else 6)
    service.worker("--pool", pool, "--concurrency", "2").ready()
    task = service.send(service.replay("one"))
    poll(lambda: any(e["progress"]["value"] >= 30 for e in service.progress(task.id)))
    service.remote_is(slow_s=0)
    service.caller.control.revoke(task.id, terminate=True)
    with pytest.raises(TaskRevokedError):
        task.get(timeout=60)
    told(service, task, "cancelled", "revoked" if pool == "prefork" else "cancelled")


@pytest.mark.parametrize("signal", ["SIGTERM", "SIGKILL"])
def test_a_local_parse_that_is_terminated(service, told, signal):
    service.configure(parser="fragile")
    service.worker("--concurrency", "2").ready()
    task = service.send(service.replay("hang"))
    poll(lambda: task.state == "STARTED")
    service.caller.control.revoke(task.id, terminate=True, signal=signal)
    with pytest.raises(TaskRevokedError, match="terminated"):
        task.get(timeout=60)
    told(service, task, "cancelled", "revoked")


@pytest.mark.parametrize("limit_s", [1, 3])
def test_a_task_beyond_its_hard_time_limit(service_of, told, limit_s):
    service = service_of
    service.remote_is(slow_s=60)
    service.worker("--pool", "prefork", "--concurrency", "2").ready()
    task = service.send(service.replay("one"), time_limit=limit_s)
    with pytest.raises(TimeLimitExceeded):
        task.get(timeout=60)
    service.remote_is(slow_s=0)
    told(service, task, "parser_timeout", f"its caller's time_limit of {limit_s:g} s")


def test_a_task_whose_ticket_is_stored_when_its_process_is_killed(service_of, told):
    service = service_of
    service.remote_is(pending_s=2, resume_s=60)
    service.worker("--pool", "prefork", "--concurrency", "2").ready()
    task = service.send(service.replay("one"), time_limit=8)
    poll(lambda: service.lines("polls"))
    with pytest.raises(TimeLimitExceeded):
        task.get(timeout=60)
    service.remote_is(resume_s=0, pending_s=0)
    told(service, task, "parser_timeout", "its caller's time_limit of 8 s")


@pytest.mark.parametrize("parser", ["fake", "fragile"])
def test_a_task_beyond_its_soft_time_limit(service_of, told, parser):
    """A local parse is ended; the call of a remote one ends by itself."""
    service = service_of
    service.configure(parser=parser, fallback=["local"])
    service.remote_is(slow_s=4)
    service.worker("--pool", "prefork", "--concurrency", "2").ready()
    task = service.send(service.replay("hang"), soft_time_limit=1)
    with pytest.raises(errors.ParserTimeout, match="its caller's soft_time_limit of 1 s"):
        task.get(timeout=60)
    service.remote_is(slow_s=0)
    told(service, task, "parser_timeout", "its caller's soft_time_limit of 1 s")


@pytest.mark.parametrize("option", ["--soft-time-limit", "--time-limit"])
def test_a_task_beyond_a_time_limit_of_the_worker(service, told, option):
    service.configure(parser="fragile")
    celery_worker(service, "--concurrency", "2", option, "8")
    task = service.send(service.replay("hang"))
    with pytest.raises((errors.ParserTimeout, TimeLimitExceeded)):
        task.get(timeout=60)
    name = option.removeprefix("--").replace("-", "_")
    told(service, task, "parser_timeout", f"the worker's {name} of 8 s")


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_a_fault_around_a_run_is_told_and_frees_its_slot(service, told, redis_client, pool):
    """Celery's thread pool lost the slot and the message, and nobody was told."""
    log = service.folder / "broken.log"
    line = [sys.executable, "-m", "broken_tracer", "worker", "--pool", pool, "--concurrency", "1"]
    service.workers.append(WorkerProcess(line, service.environ, log))
    service.workers[-1].ready()
    # a process ends with an exit: that is another matter
    for fault in ["before"] if pool == "prefork" else ["before", "exit"]:
        task = service.send(service.replay(fault), task_id=fault)
        with pytest.raises(errors.PluginFailed, match=r"the worker failed: \w+: a fault of ours"):
            task.get(timeout=60)
        told(service, task, "plugin_failed", "a fault of ours")
        poll(lambda fault=fault: f"task {fault}: a fault around its run" in log.read_text())
    with pytest.raises(errors.PluginFailed, match="MemoryError: a fault of ours"):
        service.send(service.replay("always"), task_id="always").get(timeout=60)
    after = service.send(service.replay("after", seed=7), task_id="after")
    assert after.get(timeout=60)["parser"] == "fake"
    assert service.send(service.replay("last", seed=8)).get(timeout=60)["parser"] == "fake"
    assert [e["status"] for e in service.progress("after")][-1] == "Complete"
    poll(lambda: not any(map(redis_client.hlen, redis_client.keys("parsekit:taken:*"))))
