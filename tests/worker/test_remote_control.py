"""Celery's remote commands, which whoever may send a task may send as well."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import Any

import pytest
from celery.worker.control import Panel

from parsekit.testing.deployment import poll
from parsekit.testing.servers.process import free_port
from parsekit.worker.remote_control import guarded

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
