"""Callers that want no result are served like all others."""

from __future__ import annotations

from devkit.deployment import poll


def test_a_task_without_a_result_that_is_delivered_twice_is_told_once(service, redis_client):
    service.worker("--concurrency", "2").ready()
    key = service.replay("one")
    service.send(key, task_id="no-result", ignore_result=True)
    poll(lambda: service.analytics("no-result"))
    poll(lambda: redis_client.hget("parsekit:task:no-result", "finished"))
    service.send(key, task_id="no-result", ignore_result=True)
    service.send(service.replay("two", seed=2)).get(timeout=30)
    poll(lambda: not any(redis_client.hlen(name) for name in redis_client.keys("parsekit:taken:*")))
    finals = [e["status"] for e in service.progress("no-result") if e["status"] != "Pending"]
    assert finals == ["Complete"]
    assert len(service.analytics("no-result")) == 1


def test_no_state_is_stored_that_nobody_would_replace(service, redis_client):
    service.remote_is(pending_s=2)
    service.worker("--concurrency", "2").ready()

    def stored() -> list[bytes]:
        return redis_client.keys("celery-task-meta-*")

    waits = service.send(service.replay("one"), ignore_result=True)
    poll(lambda: redis_client.hexists("parsekit:waiting", waits.id))
    assert stored() == []
    fails = service.send("replays/none.replay", ignore_result=True)
    ends = service.send(service.replay("two", seed=2), ignore_result=True, expires=1)
    for task in (waits, fails, ends):
        poll(lambda task=task: service.analytics(task.id))
    poll(lambda: redis_client.hget(f"parsekit:task:{ends.id}", "finished"))
    assert stored() == []


def test_no_state_is_stored_where_a_process_is_killed(service, redis_client):
    service.remote_is(slow_s=60)
    service.worker("--pool", "prefork", "--concurrency", "2").ready()
    task = service.send(service.replay("one"), ignore_result=True, time_limit=2)
    told = poll(lambda: [e for e in service.progress(task.id) if e["error"]])
    assert "time_limit of 2 s" in told[0]["error"]
    poll(lambda: redis_client.hget(f"parsekit:task:{task.id}", "finished"))
    assert redis_client.keys("celery-task-meta-*") == []
