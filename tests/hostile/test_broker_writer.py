"""Who can write to the broker: says what was learned of a task, makes queues, commands workers.

What a message carries of its task is believed only where this deployment has signed it. Celery's
remote commands are refused but a few.
"""

from __future__ import annotations

import hashlib
import json
import time
import urllib.error
import urllib.request
from types import SimpleNamespace
from typing import Any

import kombu
import pytest
from celery.worker.control import Panel
from hypothesis import given, settings
from hypothesis import strategies as st

from devkit.deployment import poll
from devkit.servers.process import free_port
from parsekit.storage.signing import Signer
from parsekit.worker.messages.signed_state import CARRIED_HEADER, Carried, carried_by, signed
from parsekit.worker.redis import keys
from parsekit.worker.remote_control import guarded

from .odd_json import json_of

OURS, OTHERS = Signer((b"o" * 32,)), Signer((b"x" * 32,))
CALL = {"replayObjectPath": "replays/a.replay", "progressQueue": None}
CARRIED = Carried(
    state={"started_unix": 1.5e9, "ticket": {"id": "r1", "n": [1, None, "é"]}, "progress": 42.5},
    until_unix=1.6e9,
    caller="gen7@web1",
    again="0123abcd",
)


def read(header: Any, task_id: str = "t", kwargs: dict[str, Any] = CALL, signer: Signer = OURS):
    request = SimpleNamespace(id=task_id, **{CARRIED_HEADER: header})
    return carried_by(request, kwargs, signer)


def header() -> dict[str, Any]:
    """As it arrives: JSON all the way."""
    made = signed(CARRIED, "t", CALL, OURS)[CARRIED_HEADER]
    return json.loads(json.dumps(made))


def test_what_was_signed_is_read_as_it_was():
    assert read(header()) == CARRIED
    assert read(header(), signer=Signer((b"n" * 32, *OURS.keys))) == CARRIED
    assert read(None) == Carried()


def test_nothing_of_another_task_or_replay_or_key_is_believed(caplog: pytest.LogCaptureFixture):
    assert read(header(), task_id="u") == Carried()
    assert read(header(), kwargs={**CALL, "replayObjectPath": "replays/b.replay"}) == Carried()
    assert read(header(), signer=OTHERS) == Carried()
    assert [" starts anew" in record.getMessage() for record in caplog.records] == [True] * 3


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    edits=st.dictionaries(
        st.sampled_from(["state", "until_unix", "caller", "again", "signature", "more"]),
        json_of(),
        min_size=1,
    )
)
def test_no_edit_survives(edits: dict[str, Any]):
    forged = {**header(), **edits}
    assert read(forged) == (CARRIED if forged == header() else Carried())


@settings(max_examples=200, deadline=None, derandomize=True)
@given(json_of())
def test_whatever_stands_in_the_header_is_read_without_an_error(value: Any):
    assert read(value) == Carried()


def test_a_caller_can_not_plant_another_matchs_statistics(any_broker):
    """It names the victim's content, and a ticket that leads to a match of its own."""
    service = any_broker
    service.worker("--concurrency", "1").ready()
    mine = service.send(service.replay("mine", seed=3)).get(timeout=60)
    victim = service.store / service.replay("victim", seed=1)
    service.replay("any", seed=2)
    state = {
        "started_unix": time.time(),
        "fingerprint": hashlib.sha256(victim.read_bytes()).hexdigest(),
        "sha256": "f" * 64,
        "size_bytes": 12,
        "ticket": {"sha256": mine["hash"], "until": time.time() + 900},
    }
    carried = {"state": state, "until_unix": 0.0, "caller": "", "again": "", "signature": "x"}
    attack = service.send("replays/any.replay", headers={CARRIED_HEADER: carried})
    assert attack.get(timeout=60)["data"] != mine["data"]
    result = service.send("replays/victim.replay").get(timeout=60)
    assert not result["cached"]
    assert result["data"] == {"sha256": result["hash"]}
    poll(lambda: "starts anew" in service.workers[-1].text())


def test_a_task_that_waits_goes_on_with_what_it_knew(any_broker):
    service = any_broker
    worker = service.worker("--concurrency", "1").ready()
    service.remote_is(pending_s=2)
    result = service.send(service.replay("one"))
    assert result.get(timeout=60)["data"]
    assert len(service.uploads) == 1
    worker.stop()
    assert "starts anew" not in worker.text()


def test_a_configured_key_signs_what_messages_carry(
    make_service, redis_server, redis_client, tmp_path
):
    key = tmp_path / "key"
    key.touch(mode=0o600)
    key.write_text("k" * 64)
    url = redis_server.url()
    config = {"celery": {"broker": url, "backend": url}, "provenance": {"key_file": str(key)}}
    service = make_service(config)
    service.worker("--concurrency", "1").ready()
    service.remote_is(pending_s=2)
    assert service.send(service.replay("one")).get(timeout=60)["data"]
    assert not redis_client.exists(keys.CARRYING_KEY)


def test_a_queue_that_somebody_has_made_otherwise_puts_a_task_off_through_another(rabbit_service):
    """Callers could make a queue of this name; the tasks that were to wait in it failed."""
    service = rabbit_service
    url = service.config["celery"]["broker"]
    with kombu.Connection(url) as connection:
        for wait_ms in range(250, 3001, 250):
            name = f"{service.queue}-poll-in-{wait_ms}-ms"
            connection.default_channel.queue_declare(name, durable=True, auto_delete=False)
    service.worker("--concurrency", "1").ready()
    service.remote_is(pending_s=1)
    assert service.send(service.replay("one")).get(timeout=60)["parser"] == "fake"
    poll(lambda: "with other arguments" in service.workers[-1].text())


REFUSED = {
    "add_consumer": {"queue": "attackers"},
    "autoscale": {"max": 9, "min": 9},
    "cancel_consumer": {"queue": "replay-parse"},
    "disable_events": {},
    "election": {"id": "1", "topic": "x", "action": {"task": "parseReplay"}},
    "objgraph": {},
    "pool_grow": {"n": 9},
    "pool_restart": {},
    "pool_shrink": {"n": 9},
    "rate_limit": {"task_name": "parseReplay", "rate_limit": "1/h"},
    "revoke_by_stamped_headers": {"headers": {"a": "b"}},
    "shutdown": {},
    "terminate": {"task_id": "x", "signal": "STOP"},
    "time_limit": {"task_name": "parseReplay", "hard": 1},
}
#: What Flower and ``celery inspect`` ask.
ANSWERED = (
    *("active", "active_queues", "clock", "conf", "ping", "query_task", "registered", "report"),
    *("reserved", "revoked", "scheduled", "stats"),
)


def test_every_command_of_celery_is_either_obeyed_or_refused_in_words():
    commands = guarded(Panel.data)
    assert commands.keys() == Panel.data.keys()
    changed = {name for name in commands if commands[name] is not Panel.data[name]}
    assert changed == {*REFUSED, "revoke"}
    for name, arguments in REFUSED.items():
        assert name in commands[name](None, **arguments)["error"]
    assert "shutdown" in commands["shutdown"](None, command="x", state="y")["error"]


@pytest.mark.parametrize("signal", ["STOP", "SIGUSR2", 19, "no signal", ["TERM"]])
def test_no_signal_is_sent_that_would_leave_a_process_in_its_slot(signal):
    commands = guarded(Panel.data)
    assert "revoke" in commands["revoke"](None, "x", terminate=True, signal=signal)["error"]


def asked(service: Any, command: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """What the one worker answers."""

    def answers() -> list[dict[str, Any]]:
        control = service.caller.control
        return control.broadcast(command, arguments=arguments, reply=True, timeout=5, limit=1)

    [answer] = poll(answers)
    [said] = answer.values()
    return said


def test_callers_cannot_stop_the_service_and_monitors_see_it(any_broker):
    worker = any_broker.worker("--concurrency", "2").ready()
    for command, arguments in REFUSED.items():
        told = asked(any_broker, command, arguments)
        assert "celery.remote_control" in told["error"], command
        poll(lambda line=f'refused: {command}"': worker.text().count(line) == 1)
    cancelled = asked(any_broker, "cancel_consumer", {"queue": any_broker.queue})
    assert "celery.remote_control" in cancelled["error"]
    for command in ANSWERED:
        arguments = {"ids": ["x"]} if command == "query_task" else {}
        assert "error" not in asked(any_broker, command, arguments), command
    assert any_broker.send(any_broker.replay("one")).get(timeout=120)["cached"] is False
    assert worker.process.poll() is None


@pytest.mark.parametrize(
    "said", ["5", "[]", "null", '{"properties": 5, "headers": 5, "body": "e30="}', "[" * 100_000]
)
def test_a_broadcast_that_is_no_message_ends_no_worker(service, redis_client, said):
    worker = service.worker("--concurrency", "1").ready()
    assert redis_client.publish("/0.celery.pidbox", said)
    poll(lambda: "dropped a broadcast" in worker.text())
    assert service.send(service.replay("one")).get(timeout=60)["parser"] == "fake"
    assert "error" not in asked(service, "ping", {})


FORGED = {
    "code": {"exc_type": "system", "exc_module": "os", "exc_message": ["touch pwned"]},
    "an exit": {"exc_type": "SystemExit", "exc_module": "builtins", "exc_message": [0]},
    "no object": 5,
}


@pytest.mark.parametrize("forged", [*FORGED, "levels", "bytes"])
def test_a_forged_result_ends_nothing_but_its_own_task(service, redis_client, forged):
    """Who follows many replays hears of the others all the same."""
    files = [service.store / service.replay(name, seed) for seed, name in enumerate("ab", 1)]
    submit = service.run("submit", *map(str, files), "--follow")
    waiting = poll(lambda: len(t := redis_client.lrange(service.queue, 0, -1)) == 2 and t)
    task_id = json.loads(waiting[0])["headers"]["id"]
    meta = {"status": "FAILURE", "result": FORGED.get(forged), "task_id": task_id}
    text = {"levels": "[" * 100_000, "bytes": b"\xff"}.get(forged, json.dumps(meta))
    redis_client.set(keys.result(task_id), text)
    poll(lambda: "parser_failed" in submit.text())
    redis_client.lrem(service.queue, 1, waiting[0])
    service.worker("--concurrency", "1").ready()
    assert submit.process.wait(60) == 1
    assert "parsed/fake" in submit.text()
    assert "bug of parsekit" not in submit.text()
    assert not (service.folder / "pwned").exists()


@pytest.mark.parametrize("due", [keys.DUE, keys.BULK_DUE])
def test_what_waits_and_names_no_list_keeps_no_worker_from_its_tasks(service, redis_client, due):
    redis_client.hset(keys.WAITING, mapping={"planted": "no list", "empty": ""})
    redis_client.zadd(due, {"planted": 0, "empty": 0, "without an entry": 0})
    service.worker("--concurrency", "1").ready()
    assert service.send(service.replay("one")).get(timeout=60)["parser"] == "fake"
    assert not redis_client.zcard(due)


def test_a_task_can_be_revoked(any_broker):
    any_broker.worker("--concurrency", "2").ready()
    asked(any_broker, "revoke", {"task_id": "unwanted"})
    task = any_broker.send(any_broker.replay("one"), task_id="unwanted")
    poll(lambda: task.state == "REVOKED")


def page(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return int(answer.status), answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_readiness_sees_what_an_operator_who_allows_all_has_held_back(any_broker):
    any_broker.configure(celery={**any_broker.config["celery"], "remote_control": True})
    port, queue = free_port(), any_broker.queue
    any_broker.worker("--concurrency", "2", "--http", str(port)).ready()
    poll(lambda: page(port, "/readyz")[0] == 200)

    def unready() -> str:
        status, why = page(port, "/readyz")
        return why if status == 503 else ""

    for name in (queue, f"{queue}-poll"):
        asked(any_broker, "cancel_consumer", {"queue": name})
        assert poll(unready).strip() == f"takes nothing from {name}"
        assert page(port, "/healthz")[0] == 200
        asked(any_broker, "add_consumer", {"queue": name})
        poll(lambda: page(port, "/readyz")[0] == 200)
    limit = {"task_name": "parseReplay", "rate_limit": "1/h"}
    asked(any_broker, "rate_limit", limit)
    assert "parseReplay has a rate limit of 1/h" in poll(unready)

    def health() -> str:
        """Of the file that is written every two seconds."""
        asks = any_broker.run("health", "--ready")
        return asks.text() if asks.process.wait(60) == 1 else ""

    poll(lambda: "rate limit of 1/h" in health())
    asked(any_broker, "rate_limit", {**limit, "rate_limit": "0"})
    poll(lambda: page(port, "/readyz")[0] == 200)
    assert any_broker.send(any_broker.replay("one")).get(timeout=120)["cached"] is False
