"""A caller may send any message: it is answered where it can be, and none ends a worker.

Nor does a caller name what is the service's, put a task off for ever, or end a process of the pool.
"""

from __future__ import annotations

import base64
import json
import time
import uuid
from datetime import datetime
from typing import Any

import pytest
import redis
from hypothesis import given, settings
from hypothesis import strategies as st
from kombu import Connection
from kombu.message import Message

from devkit.deployment import poll
from parsekit import errors
from parsekit.worker.messages.message_checks import MAX_BODY_BYTES
from parsekit.worker.messages.request import REFUSED
from parsekit.worker.messages.signed_state import CARRIED_HEADER
from parsekit.worker.messages.validation import _refused
from parsekit.worker.redis import keys

from .odd_json import SCALARS, json_of

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
    "three names, with the id, where a triple belongs": {"payload": {"x": [], "y": {}}},
    "kwargs": {"payload": [[], 5, None]},
    "compression": {"headers": {"compression": "nope"}},
    "no json": {"body": "{no json"},
    "deep": {"body": "[" * 100_000},
    "protocol 1 behind headers of protocol 2": {
        "payload": {"args": [], "kwargs": GOOD[1], "eta": "9999-12-31T23:59:59-14:00"},
    },
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


#: Moments that have passed or never come.
MOMENTS = (
    *("2001-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"),
    *("9998-01-01", "2001-02-30"),
)
ODD = json_of(SCALARS | st.sampled_from(MOMENTS))
FOLLOWERS = ("callbacks", "errbacks", "chain", "chord", "link")
HEADERS = (
    *("argsrepr", "kwargsrepr", "root_id", "parent_id", "group", "group_index", "origin", "shadow"),
    *("eta", "expires", "retries", "timelimit", "stamps", "stamped_headers", "meth", "headers"),
    *("replaced_task_nesting", "delivery_info", "reply_to", "correlation_id", "hostname", "args"),
    *("compression", "sentry-trace", "traceparent", CARRIED_HEADER, "parsekit_end", *FOLLOWERS),
)
#: As Celery's two protocols have it, and as neither does.
PAYLOADS = (
    ODD
    | st.tuples(ODD, ODD, ODD)
    | st.tuples(st.just([]), st.just(GOOD[1]), st.dictionaries(st.sampled_from(FOLLOWERS), ODD))
    | st.tuples(st.just([]), st.dictionaries(st.sampled_from([*GOOD[1], "x"]), ODD), st.none())
    | st.dictionaries(st.sampled_from(["args", "kwargs", "utc", *HEADERS]), ODD, max_size=4)
)
MESSAGES = st.fixed_dictionaries(
    {},
    optional={
        "headers": st.dictionaries(st.sampled_from(HEADERS), ODD, max_size=4),
        "payload": PAYLOADS,
        "content-type": st.sampled_from(["application/json", "application/x-python-serialize"]),
    },
)


def test_whatever_a_caller_sends_is_answered(service, redis_client):
    worker = service.worker("--concurrency", "2").ready()
    service.replay("one")
    sent: dict[str, dict[str, Any]] = {}

    @settings(max_examples=300, deadline=None, derandomize=True, database=None)
    @given(facts=MESSAGES)
    def send(facts: dict[str, Any]) -> None:
        task_id = str(uuid.uuid4())
        say(service, facts, task_id)
        sent[task_id] = facts

    send()
    assert serves(service)
    try:
        poll(lambda: nothing_in_hand(service, redis_client))
    except TimeoutError as exc:
        held = {key: redis_client.hgetall(key) for key in redis_client.keys("parsekit:taken:*")}
        exc.add_note(f"in hand: {held}; the worker: {worker.text()[-5000:]}")
        raise
    assert worker.process.poll() is None, worker.text()[-3000:]
    assert [facts for task_id, facts in sent.items() if answer(service, task_id) is None] == []


@pytest.mark.parametrize("limits", [[0.0001, None], [None, 0.0001], [-1, 0], [1e300, 1e300]])
def test_a_limit_that_no_task_could_keep_is_ignored(service, limits):
    service.worker("--pool", "prefork", "--concurrency", "1").ready()
    service.replay("one")
    task_id = str(uuid.uuid4())
    say(service, {"headers": {"timelimit": limits}}, task_id)
    assert poll(lambda: answer(service, task_id))["status"] == "SUCCESS"


def test_a_task_that_is_to_begin_later_holds_no_slot(any_broker, redis_client):
    """Over RabbitMQ two of them stopped a worker of two slots until their time had come."""
    service = any_broker
    service.worker("--concurrency", "2").ready()
    key = service.replay("one")
    began = time.time()
    tomorrow = [service.send(key, countdown=86_400) for _ in range(12)]
    soon = [service.send(key, countdown=3), service.send(key, countdown=3, expires=600)]
    expired = service.send(key, countdown=600, expires=2)
    assert serves(service)
    for task in soon:
        task.get(timeout=60)
        done = json.loads(redis_client.get(keys.result(task.id)))["date_done"]
        assert datetime.fromisoformat(done).timestamp() > began + 2
    poll(lambda: expired.state == "REVOKED")
    assert {task.state for task in tomorrow} == {"PENDING"}
    cancel = service.command("cancel", tomorrow[0].id)
    assert cancel.returncode == 0, cancel.stderr


def test_queues_that_a_caller_makes_up_are_not_counted(service, redis_client):
    service.worker("--concurrency", "1").ready()
    service.replay("one")
    for number in range(20):
        named = {"delivery_info": {"exchange": "", "routing_key": f"made up {number}\x1b"}}
        say(service, {"properties": named, "payload": [1]}, str(uuid.uuid4()))
    assert serves(service)
    poll(lambda: service.queue.encode() in redis_client.hkeys(keys.DEQUEUED_TOTAL))
    assert not any(name.startswith(b"made up") for name in redis_client.hkeys(keys.DEQUEUED_TOTAL))


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


#: What commands workers, answers monitors, and tells them of tasks.
CELERYS_OWN = ("parsekit-7@vm.celery.pidbox", "x.reply.celery.pidbox", "celery.pidbox", "celeryev")


@pytest.mark.parametrize("end", ["-poll", "-poll-in-1500-ms", "-dead-letters", *CELERYS_OWN])
def test_a_callback_goes_to_no_queue_that_workers_alone_use(broker, end):
    broker.worker("--concurrency", "1").ready()
    key = broker.replay("one")
    name = end if end in CELERYS_OWN else f"{broker.queue}{end}"
    for option in ("queue", "routing_key", "exchange"):
        callback = {"task": "x", "args": [], "options": {option: name}}
        for place in ("callbacks", "errbacks", "chain"):
            payload = [[], {"replayObjectPath": key}, {place: [callback]}]
            task_id = str(uuid.uuid4())
            say(broker, {"payload": payload}, task_id)
            result = poll(lambda task_id=task_id: answer(broker, task_id))["result"]
            assert (result["code"], "no queue of a caller" in result["message"]) == (
                "bad_request",
                True,
            )
    assert not broker.uploads


@pytest.mark.parametrize("place", ["callbacks", "errbacks", "chain", "chord"])
def test_a_callback_is_put_into_nothing_else_that_redis_holds(service, redis_client, place):
    """A list where workers keep a sorted set ended every worker, for good."""
    service.worker("--concurrency", "1").ready()
    key = service.replay("one")
    for name in (keys.DUE, keys.CARRYING_KEY, keys.result("another"), "_kombu.binding.celery"):
        callback = {"task": "x", "args": [], "kwargs": {}, "options": {"queue": name}}
        given = callback if place == "chord" else [callback]
        task_id = str(uuid.uuid4())
        say(service, {"payload": [[], {"replayObjectPath": key}, {place: given}]}, task_id)
        assert poll(lambda task_id=task_id: answer(service, task_id))["status"] == "FAILURE"
        assert redis_client.type(name) != b"list"
    assert serves(service)


#: Names of tasks that we have not, and how they are shown.
OTHER_NAMES = {"parseReplayX": "'parseReplayX'", f"x\x1b[2J{'y' * 300}": rf"'x\x1b[2J{'y' * 95}'"}


def test_a_task_of_another_name_is_refused_in_our_words(broker, redis_client):
    worker = broker.worker("--concurrency", "1").ready()
    broker.replay("one")
    for name, shown in OTHER_NAMES.items():
        first = {"task": name, "args": [], "kwargs": GOOD[1]}
        nameless = {"task": LEFT_OUT, "id": LEFT_OUT}
        for facts in ({"headers": {"task": name}}, {"headers": nameless, "payload": first}):
            task_id = str(uuid.uuid4())
            say(broker, facts, task_id)
            result = poll(lambda task_id=task_id: answer(broker, task_id))["result"]
            told = {fact: result.get(fact) for fact in ("exc_type", "code", "retryable")}
            assert told == {"exc_type": "BadRequest", "code": "bad_request", "retryable": False}
            assert f"no task {shown}: queue {broker.queue} runs parseReplay" in result["message"]
            assert [e["status"] for e in broker.progress(task_id)] == ["Error"]
            said = f"refused task ({task_id}) {json.dumps(shown)[1:-1]}: queue {broker.queue} runs"
            poll(lambda said=said: worker.text().count(said) == 1)
    assert serves(broker)
    assert worker.process.poll() is None
    assert "Traceback" not in worker.text()
    poll(lambda: nothing_in_hand(broker, redis_client))


def test_no_task_of_celery_itself_is_run_for_a_caller(service, redis_client):
    """They send tasks wherever a caller says, and one of them comes back for ever."""
    service.worker("--concurrency", "1").ready()
    service.replay("one")
    inner = {"task": "x", "args": [], "kwargs": {}, "options": {"queue": keys.DUE}}
    calls = {
        "celery.group": [[inner], ["g", None], "g", []],
        "celery.chunks": [{"task": "parseReplay"}, [[1]], 1],
        "celery.map": [{"task": "parseReplay"}, [1]],
        "celery.starmap": [{"task": "parseReplay"}, [[1]]],
        "celery.accumulate": [1],
        "celery.chord_unlock": ["g", inner],
        "celery.chord": [[inner], inner],
        "celery.backend_cleanup": [],
    }
    for name, args in calls.items():
        task_id = str(uuid.uuid4())
        say(service, {"headers": {"task": name}, "payload": [args, {}, None]}, task_id)
        meta = poll(lambda task_id=task_id: answer(service, task_id))
        assert meta["result"]["code"] == "bad_request", name
    assert redis_client.type(keys.DUE) != b"list"
    assert serves(service)


def test_a_refused_message_still_names_its_progress_queue():
    body = json.dumps([[], {**GOOD[1], "x": "y" * MAX_BODY_BYTES}, None]).encode()
    headers = {"id": "t", "task": "parseReplay", "timelimit": "x"}
    whole = Message(body=body, headers=headers, **USUAL_ARGUMENTS)
    kwargs = _refused(whole, None, errors.BadRequest("too long")).payload[1]
    assert kwargs == {**GOOD[1], REFUSED: "too long"}
    for broken in (b"{no json", b"5", b"[]", b"[" * 100_000, b"\xff"):
        message = Message(body=broken, headers=headers, **USUAL_ARGUMENTS)
        assert list(_refused(message, None, ValueError("no")).payload[1]) == [REFUSED]


def test_no_progress_goes_to_a_queue_of_the_service(service):
    service.worker("--concurrency", "1").ready()
    key = service.replay("one")
    names = ("", "-poll", "-poll-in-1500-ms", "-dead-letters", "-dead-letters-in-500-ms")
    own = [f"{queue}{end}" for queue in (service.queue, f"{service.queue}-bulk") for end in names]
    for name in (*own, *CELERYS_OWN):
        with pytest.raises(errors.BadRequest, match="is a queue of the service"):
            service.send(key, extra={"progressQueue": name}).get(timeout=60)
    assert not service.uploads
