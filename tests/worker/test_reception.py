"""Messages that no caller of ours sends: answered where they can be, and none ends a worker."""

from __future__ import annotations

import base64
import json
import sys
import time
import uuid
from typing import Any

import pytest
import redis
from celery.exceptions import TaskRevokedError
from kombu import Connection
from kombu.message import Message

from parsekit import errors
from parsekit.testing.deployment import WorkerProcess, poll
from parsekit.worker import keys
from parsekit.worker.call import REFUSED
from parsekit.worker.carried import CARRIED_HEADER
from parsekit.worker.messages import MAX_BODY_BYTES
from parsekit.worker.reception import _refused

LEFT_OUT = object()
GOOD = [[], {"replayObjectPath": "replays/one.replay", "progressQueue": "progress"}, None]
#: Facts of a message of Redis that can be answered to nobody, or are no message's at all.
NOBODYS: list[dict[str, Any]] = [
    {"headers": {"id": {"a": 1}}},
    {"headers": {"id": ["a"]}},
    {"headers": {"id": 5}},
    {"headers": {"id": None}},
    {"headers": {"id": ""}},
    {"headers": {"id": "q" * 5000}},
    {"headers": {"id": "two\nlines"}},
    {"headers": {"task": {"x": 1}}},
    {"headers": {"task": ["x"]}},
    {"headers": {"task": 5}},
]
#: What only Redis can carry: RabbitMQ's own messages have types.
UNTYPED: list[dict[str, Any]] = [
    {"headers": []},
    {"headers": "x"},
    {"content-encoding": 5},
    {"content-type": ["x"]},
    {"properties": {"delivery_info": "x"}},
    {"properties": {"delivery_info": {"routing_key": {}}}},
    {"properties": {"body_encoding": []}},
    {"body": 5},
]
#: Messages that name a task, and can't be run.
ANSWERED: dict[str, dict[str, Any]] = {
    "timelimit": {"headers": {"timelimit": "x"}},
    "timelimit of texts": {"headers": {"timelimit": ["a", "b"]}},
    "eta": {"headers": {"eta": "nonsense"}},
    "expires": {"headers": {"expires": 5}},
    "eta in a thousand years": {"headers": {"eta": "3026-01-01T00:00:00+00:00"}},
    "eta in year 9999": {"headers": {"eta": "9999-12-31T23:59:59-14:00"}},
    "eta in year 1": {"headers": {"eta": "0001-01-01T00:00:00+14:00"}},
    "expires in year 1": {"headers": {"expires": "0001-01-01T00:00:00+14:00"}},
    "headers of 70 KB": {"headers": {"mine": "x" * 70_000}},
    "shadow": {"headers": {"shadow": ["x"]}},
    "stamps": {"headers": {"stamped_headers": 5}},
    "callbacks": {"payload": [*GOOD[:2], {"callbacks": 5}]},
    "errbacks": {"payload": [*GOOD[:2], {"errbacks": ["x"]}]},
    "chain": {"payload": [*GOOD[:2], {"chain": "y"}]},
    "chord": {"payload": [*GOOD[:2], {"chord": 1}]},
    "callbacks in headers": {"headers": {"callbacks": 5}},
    "no triple": {"payload": 5},
    "kwargs": {"payload": [[], 5, None]},
    "compression": {"headers": {"compression": "nope"}},
    "no json": {"body": "{no json"},
    "deep": {"body": "[" * 100_000},
    "protocol 1": {
        "headers": {"task": LEFT_OUT, "id": LEFT_OUT},
        "payload": {"task": "parseReplay", "args": [], "kwargs": GOOD[1], "callbacks": 5},
    },
}


def say(service, facts: dict[str, Any], task_id: str) -> None:
    """Put a message with these facts into the queue."""
    payload = facts.get("payload", GOOD)
    if isinstance(payload, dict):  # protocol 1
        payload = {**payload, "id": task_id}
    body = facts.get("body", json.dumps(payload))
    headers = facts.get("headers", {})
    if isinstance(headers, dict):
        headers = {"lang": "js", "task": "parseReplay", "id": task_id, **headers}
        headers = {name: value for name, value in headers.items() if value is not LEFT_OUT}
    url = service.config["celery"]["broker"]
    kind = {name: facts.get(name, usual) for name, usual in USUAL.items()}
    if not url.startswith("redis"):
        to = {"exchange": "", "routing_key": service.queue}
        kind = {name.replace("-", "_"): value for name, value in kind.items()}
        with Connection(url) as connection:
            connection.Producer().publish(body.encode(), headers=headers, **to, **kind)
        return
    properties = {
        "body_encoding": "base64",
        "delivery_info": {"exchange": "", "routing_key": service.queue},
        "delivery_mode": 2,
        "delivery_tag": "t",
        **facts.get("properties", {}),
    }
    if isinstance(body, str):
        body = base64.b64encode(body.encode()).decode()
    message = {"body": body, "headers": headers, "properties": properties, **kind}
    with redis.Redis.from_url(url) as client:
        client.lpush(service.queue, json.dumps(message))


USUAL = {"content-type": "application/json", "content-encoding": "utf-8"}


USUAL_ARGUMENTS = {name.replace("-", "_"): value for name, value in USUAL.items()}


@pytest.fixture(params=["redis", "rabbitmq"])
def broker(request):
    """A service over this broker."""
    return request.getfixturevalue("service" if request.param == "redis" else "rabbit_service")


def serves(service) -> bool:
    return service.send("replays/one.replay").get(timeout=60)["parser"] == "fake"


def nothing_in_hand(service, redis_client) -> bool:
    if service.config["celery"]["broker"].startswith("redis"):
        return not any(map(redis_client.hlen, redis_client.keys("parsekit:taken:*")))
    with Connection(service.config["celery"]["broker"]) as connection:
        # What is un-acknowledged comes back when the worker ends, and can be counted then.
        service.workers[-1].stop()
        queue = connection.default_channel.queue_declare(service.queue, passive=True)
        return queue.message_count == 0


def test_a_call_that_claims_to_wait_goes_on_at_once(broker):
    service = broker
    service.worker("--concurrency", "1").ready()
    service.replay("one")
    task_id = str(uuid.uuid4())
    until = time.time() + 86_400
    carried = {"state": None, "until_unix": until, "caller": "", "again": "", "signature": "x"}
    say(service, {"headers": {CARRIED_HEADER: carried}}, task_id)
    ended = poll(lambda: [e for e in service.progress(task_id) if e["status"] != "Pending"])
    assert [event["status"] for event in ended] == ["Complete"]


def test_messages_without_an_answerable_task_end_no_worker(broker, redis_client):
    worker = broker.worker("--concurrency", "2").ready()
    broker.replay("one")
    odd = NOBODYS + (UNTYPED if broker.config["celery"]["broker"].startswith("redis") else [])
    for facts in odd:
        say(broker, facts, "some-id")
    assert serves(broker)
    assert worker.process.poll() is None, worker.text()[-3000:]
    poll(lambda: nothing_in_hand(broker, redis_client))


def test_messages_that_can_not_be_run_are_answered_and_free_their_slot(broker, redis_client):
    worker = broker.worker("--concurrency", "2").ready()
    broker.replay("one")
    told = []
    for name, facts in ANSWERED.items():
        task_id = str(uuid.uuid4())
        say(broker, facts, task_id)
        meta = poll(lambda task_id=task_id: answer(broker, task_id))
        assert (meta["status"], meta["result"].get("code")) == ("FAILURE", "bad_request"), name
        told.append([e["status"] for e in broker.progress(task_id)])
    assert serves(broker)
    assert worker.process.poll() is None
    assert told == [["Error"]] * len(ANSWERED)
    poll(lambda: nothing_in_hand(broker, redis_client))


@pytest.mark.parametrize("limits", [[0.0001, None], [None, 0.0001], [-1, 0], [1e300, 1e300]])
def test_a_limit_that_no_task_could_keep_is_ignored(service, limits):
    service.worker("--pool", "prefork", "--concurrency", "1").ready()
    service.replay("one")
    task_id = str(uuid.uuid4())
    say(service, {"headers": {"timelimit": limits}}, task_id)
    assert poll(lambda: answer(service, task_id))["status"] == "SUCCESS"


def test_queues_that_a_caller_makes_up_are_not_counted(service, redis_client):
    service.worker("--concurrency", "1").ready()
    service.replay("one")
    for number in range(20):
        named = {"delivery_info": {"exchange": "", "routing_key": f"made up {number}\x1b"}}
        say(service, {"properties": named, "payload": [1]}, str(uuid.uuid4()))
    assert serves(service)
    poll(lambda: service.queue.encode() in redis_client.hkeys(keys.TAKEN_EVER))
    assert not any(name.startswith(b"made up") for name in redis_client.hkeys(keys.TAKEN_EVER))


def answer(service, task_id: str) -> dict[str, Any] | None:
    """The final state that callers find."""
    with redis.Redis.from_url(service.config["celery"]["backend"]) as client:
        meta = json.loads(client.get(f"celery-task-meta-{task_id}") or "{}")
    return meta if meta.get("status") in {"SUCCESS", "FAILURE", "REVOKED"} else None


def test_a_message_of_ten_megabytes_is_refused_and_told(broker):
    broker.worker("--concurrency", "2").ready()
    key = broker.replay("one")
    huge = broker.send(key, extra={"x": "y" * 10_000_000, "progressQueue": "progress"})
    with pytest.raises(errors.BadRequest, match="more than 1048576"):
        huge.get(timeout=60)
    assert [e["status"] for e in broker.progress(huge.id)] == ["Error"]
    assert not broker.uploads
    assert serves(broker)


def test_a_caller_hears_that_its_message_is_in_a_form_that_is_not_taken(broker):
    broker.worker().ready()
    pickled = broker.send("replays/one.replay", serializer="pickle")
    with pytest.raises(errors.BadRequest):
        pickled.get(timeout=60)


def test_a_callback_that_can_not_be_sent_holds_no_slot_and_is_told(service, redis_client):
    service.worker("--concurrency", "1").ready()
    key = service.replay("one")
    callback = {"task": "x", "args": 5, "options": {}, "kwargs": {}}
    say(service, {"payload": [[], {"replayObjectPath": key}, {"callbacks": [callback]}]}, "called")
    meta = poll(lambda: answer(service, "called"))
    assert (meta["status"], meta["result"]["code"]) == ("FAILURE", "plugin_failed")
    assert serves(service)


def test_a_callback_without_a_queue_is_dropped_with_a_line_that_says_whose_it_was(service):
    worker = service.worker("--concurrency", "2").ready()
    task = service.send(service.replay("one"), link=service.caller.signature("notify"))
    told = f"dropped callback of task {task.id} 'notify' ("
    line = poll(lambda: [each for each in worker.text().splitlines() if told in each])[0]
    assert "queue replay-parse runs parseReplay alone; callers name a queue" in line
    assert task.get(timeout=30)["parser"] == "fake"
    assert "Traceback" not in worker.text()


def test_a_callback_with_a_queue_comes_there(service, redis_client):
    service.worker("--concurrency", "2").ready()
    theirs = {"link": "notify", "link_error": "alarm"}
    calls = {how: service.caller.signature(name).set(queue=name) for how, name in theirs.items()}
    good = service.send(service.replay("one"), **calls)
    bad = service.send("replays/none.replay", **calls)
    for task, name in ((good, "notify"), (bad, "alarm")):
        message = json.loads(poll(lambda name=name: redis_client.lindex(name, 0)))
        assert (message["headers"]["task"], message["headers"]["parent_id"]) == (name, task.id)


def test_a_worker_killed_after_it_stored_a_result_causes_no_second_end(
    rabbit_service, redis_client
):
    """Its message was not acknowledged, and comes again."""
    service = rabbit_service
    line = [sys.executable, "-m", "dying_worker", "worker"]
    dying = WorkerProcess(line, service.environ, service.folder / "dying.log")
    service.workers.append(dying)
    dying.ready()
    task = service.send(service.replay("one"))
    poll(lambda: dying.process.poll() is not None)
    assert answer(service, task.id)["status"] == "SUCCESS"
    service.worker("--concurrency", "1").ready()
    assert serves(service)
    assert nothing_in_hand(service, redis_client)
    ends = [e["status"] for e in service.progress(task.id) if e["status"] != "Pending"]
    assert ends == ["Complete"]
    assert len(service.analytics(task.id)) == 1


def test_a_running_task_that_is_cancelled_is_revoked_and_told_once(broker):
    broker.worker().ready()
    broker.remote_is(slow_s=15)
    task = broker.send(broker.replay("one"))
    poll(lambda: broker.progress(task.id))
    assert broker.run("cancel", task.id).process.wait(60) == 0
    with pytest.raises(TaskRevokedError):
        task.get(timeout=60)
    poll(lambda: broker.analytics(task.id))
    ends = [e["status"] for e in broker.progress(task.id) if e["status"] != "Pending"]
    assert ends == ["Error"]


def test_a_refused_message_still_names_its_progress_queue():
    body = json.dumps([[], {**GOOD[1], "x": "y" * MAX_BODY_BYTES}, None]).encode()
    headers = {"id": "t", "task": "parseReplay", "timelimit": "x"}
    whole = Message(body=body, headers=headers, **USUAL_ARGUMENTS)
    kwargs = _refused(whole, None, errors.BadRequest("too long")).payload[1]
    assert kwargs == {**GOOD[1], REFUSED: "too long"}
    for broken in (b"{no json", b"5", b"[]", b"[" * 100_000, b"\xff"):
        message = Message(body=broken, headers=headers, **USUAL_ARGUMENTS)
        assert list(_refused(message, None, ValueError("no")).payload[1]) == [REFUSED]
