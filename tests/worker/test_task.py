"""What callers of ``parseReplay`` get, over Redis."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys

import pytest
from celery import states

from devkit.deployment import WorkerProcess, poll
from parsekit import errors


def test_a_caller_gets_the_result_of_its_replay(service):
    service.worker().ready()
    key = service.replay("one")
    result = service.send(key).get(timeout=30)
    assert result["parser"] == "fake"
    assert float(result["parserVersion"]) == 1.0
    assert result["data"]["sha256"] == service.uploads[0]
    assert (service.store / result["outputPath"]).is_file()


def test_a_second_caller_gets_the_stored_result(service):
    service.worker().ready()
    key = service.replay("one")
    first = service.send(key).get(timeout=30)
    second = service.send(key).get(timeout=30)
    assert (first["cached"], second["cached"]) == (False, True)
    assert first["data"] == second["data"]
    assert len(service.uploads) == 1


def test_every_task_tells_one_complete_and_one_analytics_event(service, contract, recent_body):
    (service.remote / "body").write_text(json.dumps(recent_body))
    service.configure(answer_as="ballchasing")
    service.worker().ready()
    service.remote_is(pending_s=0.5)
    task = service.send(service.replay("one"), extra={"progressQueue": "progress"})
    task.get(timeout=30)
    told = service.progress(task.id)
    values = [event["progress"]["value"] for event in told]
    assert values == sorted(values)
    assert [e["status"] for e in told if e["status"] != "Pending"] == ["Complete"]
    assert told[-1]["progress"] == {"value": 100, "message": "Complete!"}
    assert len(service.analytics(task.id)) == 1
    contract.check("progress", told)
    assert told[-1]["result"]["data"] == recent_body
    contract.check("analytics", service.analytics(task.id))


def test_a_pending_replay_waits_in_the_broker_and_holds_no_slot(service, redis_client):
    service.worker("--concurrency", "1").ready()
    service.remote_is(pending_s=4)
    waiting = service.send(service.replay("slow", seed=1))
    poll(lambda: redis_client.zcard("parsekit:due"))
    poll(lambda: not any(redis_client.hlen(name) for name in redis_client.keys("parsekit:taken:*")))
    service.remote_is(pending_s=0)
    assert service.send(service.replay("quick", seed=2)).get(timeout=30)["cached"] is False
    assert not waiting.ready()
    assert waiting.state in {"WAITING", states.STARTED}
    assert waiting.get(timeout=30)["data"]["sha256"] == service.uploads[0]
    assert len(service.uploads) == 2


def test_the_result_is_plain_json_for_callers_in_other_languages(service, redis_client):
    service.worker().ready()
    task = service.send("replays/nowhere.replay")
    with pytest.raises(errors.ReplayNotFound):
        task.get(timeout=30)
    meta = json.loads(redis_client.get(f"celery-task-meta-{task.id}"))
    assert meta["status"] == "FAILURE"
    assert meta["result"]["exc_type"] == "ReplayNotFound"
    assert meta["result"]["exc_message"] == [meta["result"]["message"]]
    assert (meta["result"]["code"], meta["result"]["retryable"]) == ("replay_not_found", False)


BAD_PATHS = [
    None,
    ["replays/x.replay"],
    "../x.replay",
    "/etc/passwd",
    "replays/x\0.replay",
    "x" * 4000,
    "",
]


def test_bad_calls_fail_with_bad_request_and_the_worker_serves_on(service):
    service.worker().ready()
    for path in BAD_PATHS:
        task = service.send(path, extra={"progressQueue": "progress"})
        with pytest.raises(errors.BadRequest):
            task.get(timeout=30)
        told = service.progress(task.id)
        assert [event["status"] for event in told] == ["Error"]
        assert told[0]["error"]
    no_path = service.caller.send_task("parseReplay", queue=service.queue)
    positional = service.caller.send_task("parseReplay", args=["a.replay"], queue=service.queue)
    for task in (no_path, positional):
        with pytest.raises(errors.BadRequest):
            task.get(timeout=30)
    assert service.send(service.replay("good")).get(timeout=30)["parser"] == "fake"


def test_a_key_is_taken_byte_for_byte(service):
    """As macOS, Windows and careless uploads name files: S3 takes all of them."""
    service.worker().ready()
    service.remote_is(pending_s=0)
    names = ["e\u0301te\u0301", "\u00e9t\u00e9", "c:x", "a%2Fb", "%2e%2e", "a\\b"]
    tasks = [service.send(service.replay(name, seed=n)) for n, name in enumerate(names)]
    found = [task.get(timeout=30)["data"]["sha256"] for task in tasks]
    files = [service.store / "replays" / f"{name}.replay" for name in names]
    assert found == [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]


def test_newer_and_older_callers_are_served(service):
    service.worker().ready()
    key = service.replay("one")
    newer = service.send(key, extra={"priorityClass": "gold", "x": [1, {"y": None}]})
    assert newer.get(timeout=30)["parser"] == "fake"
    service.caller.conf.task_protocol = 1
    assert service.send(key).get(timeout=30)["parser"] == "fake"


def test_messages_that_are_no_tasks_do_not_stop_the_worker(service, redis_client):
    service.worker().ready()
    good = service.replay("good")
    redis_client.lpush(service.queue, "{this is no json")
    redis_client.lpush(service.queue, "[]")
    redis_client.lpush(service.queue, json.dumps({"body": "%%%", "properties": {}}))
    service.caller.send_task("noSuchTask", queue=service.queue)
    pickled = service.caller.send_task(
        "parseReplay", kwargs={"replayObjectPath": good}, queue=service.queue, serializer="pickle"
    )
    huge = service.send(good, extra={"x": "y" * 10_000_000})
    with pytest.raises(errors.BadRequest):
        huge.get(timeout=60)
    assert service.send(good).get(timeout=30)["parser"] == "fake"
    poll(lambda: redis_client.llen("parsekit:unreadable") == 3)
    with pytest.raises(errors.BadRequest):
        pickled.get(timeout=30)
    poll(lambda: not any(redis_client.hlen(name) for name in redis_client.keys("parsekit:taken:*")))


def test_a_body_that_is_not_json_fails_with_bad_request(service, redis_client):
    service.worker().ready()
    redis_client.delete(service.queue)
    body = base64.b64encode(b"{not json").decode()
    headers = {"lang": "js", "task": "parseReplay", "id": "broken-1", "argsrepr": "", "eta": None}
    message = {
        "body": body,
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": headers,
        "properties": {
            "body_encoding": "base64",
            "correlation_id": "broken-1",
            "delivery_info": {"exchange": "", "routing_key": service.queue},
            "delivery_mode": 2,
            "delivery_tag": "t",
        },
    }
    redis_client.lpush(service.queue, json.dumps(message))
    result = service.caller.AsyncResult("broken-1")
    with pytest.raises(errors.BadRequest):
        result.get(timeout=30)


def test_a_task_delivered_many_times_is_answered_and_told_once(service, redis_client):
    service.worker("--concurrency", "4").ready()
    service.remote_is(pending_s=1.5, slow_s=0.5)
    key = service.replay("one")
    tasks = [service.send(key, task_id="same-task") for _ in range(5)]
    assert tasks[0].get(timeout=30)["parser"] == "fake"
    service.send(key, task_id="same-task")
    poll(lambda: not redis_client.zcard("parsekit:due") and not redis_client.llen(service.queue))
    poll(lambda: not any(redis_client.hlen(name) for name in redis_client.keys("parsekit:taken:*")))
    assert len(service.uploads) == 1
    finals = [e for e in service.progress("same-task") if e["status"] != "Pending"]
    assert [e["status"] for e in finals] == ["Complete"]
    assert len(service.analytics("same-task")) == 1


def test_a_final_state_is_never_taken_back(service, redis_client, monkeypatch):
    for name, value in service.environ.items():
        monkeypatch.setenv(name, value)
    line = (
        "from parsekit.worker import app\n"
        "from parsekit.errors import RemoteRejected\n"
        "app.backend.store_result('t', {'a': 1}, 'STARTED')\n"
        "app.backend.mark_as_failure('t', RemoteRejected('no'))\n"
        "app.backend.store_result('t', None, 'STARTED')\n"
        "app.backend.mark_as_done('t', {'b': 2})\n"
    )
    subprocess.run([sys.executable, "-c", line], check=True, timeout=60)
    meta = json.loads(redis_client.get("celery-task-meta-t"))
    assert (meta["status"], meta["result"]["code"]) == ("FAILURE", "remote_rejected")
    assert redis_client.ttl("celery-task-meta-t") > 3600


def test_a_fault_of_the_workers_own_is_told_like_any_failure(service):
    log = service.folder / "broken.log"
    worker = WorkerProcess(
        [sys.executable, "-m", "broken_pipeline", "worker"], service.environ, log
    )
    service.workers.append(worker)
    worker.ready()
    task = service.send(service.replay("fault"))
    with pytest.raises(errors.PluginFailed, match="ZeroDivisionError: a fault of ours"):
        task.get(timeout=30)
    assert [e["status"] for e in service.progress(task.id)] == ["Error"]
    assert len(service.analytics(task.id)) == 1
    poll(lambda: "Traceback" in worker.text())
    assert service.send(service.replay("fine", seed=2)).get(timeout=30)["parser"] == "fake"
