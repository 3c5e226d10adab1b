"""Callers that want no result are served like all others."""

from __future__ import annotations

from parsekit.testing.deployment import poll


def test_a_task_without_a_result_that_is_delivered_twice_is_told_once(service, redis_client):
    service.worker("-c", "2").ready()
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
