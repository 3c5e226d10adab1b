"""A call under a task id that is known already: the same call runs once, another is refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from celery import Celery
from celery.result import AsyncResult

from devkit.deployment import hang_up, poll
from parsekit import errors


@pytest.fixture
def another(service) -> Iterator[Celery]:
    """A caller that has read nothing yet: Celery keeps in memory what an application has read."""
    caller = Celery("another", broker=service.caller.conf.broker_url)
    caller.conf.result_backend = service.caller.conf.result_backend
    yield caller
    hang_up(caller)


def call(caller: Celery, key: str) -> AsyncResult:
    return caller.send_task(
        "parseReplay", kwargs={"replayObjectPath": key}, task_id="match-7", queue="replay-parse"
    )


def ends(service, task) -> list[str]:
    return [e["status"] for e in service.progress(task.id) if e["status"] != "Pending"]


def test_the_same_call_gets_the_old_answer(service):
    service.worker("--concurrency", "2").ready()
    key = service.replay("s0")
    first = service.send(key, task_id="match-7").get(timeout=60)
    assert service.send(key, task_id="match-7").get(timeout=60) == first
    other = service.send(service.replay("after", seed=9))
    assert other.get(timeout=60)["parser"] == "fake"
    assert ends(service, service.send(key, task_id="match-7")) == ["Complete"]
    assert len(service.uploads) == 2


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_another_call_is_refused_and_does_not_get_the_old_answer(service, another, pool):
    service.worker("--pool", pool, "--concurrency", "2").ready()
    first = service.send(service.replay("s0"), task_id="match-7").get(timeout=60)
    for _ in range(2):  # as a broker may deliver it
        task = call(another, service.replay("s3", seed=3))
        poll(lambda task=task: ends(service, task) == ["Complete", "Error"])
    with pytest.raises(errors.BadRequest, match="send each call under an id of its own") as refused:
        task.get(timeout=60)
    assert first["outputPath"] in str(refused.value), "who had not read it yet finds it"
    assert (service.store / first["outputPath"]).exists()
    other = service.send(service.replay("after", seed=9))
    assert other.get(timeout=60)["parser"] == "fake"
    assert ends(service, task) == ["Complete", "Error"]
    told = service.analytics("match-7")
    assert [dict(e["data"]["booleans"])["success"] for e in told] == [True, False]
    assert len({e["id"] for e in told}) == 2, "who drops repeats hears of both"
    assert len(service.uploads) == 2


@pytest.mark.parametrize("state", ["STARTED", "WAITING"])
def test_another_call_is_refused_while_the_first_goes_on(service, another, state):
    service.remote_is(**({"slow_s": 8} if state == "STARTED" else {"pending_s": 8}))
    service.worker("--concurrency", "3").ready()
    task = service.send(service.replay("s0"), task_id="match-7")
    poll(lambda: task.state == state)
    again = call(another, service.replay("s3", seed=3))
    with pytest.raises(errors.BadRequest, match="stands for a call for another replay"):
        again.get(timeout=60)
    poll(lambda: sorted(ends(service, task)) == ["Complete", "Error"])
    poll(lambda: len(service.analytics("match-7")) == 2)
    assert task.state == "FAILURE", "nobody reads one call's answer as the other's"
    assert len(service.uploads) == 1
