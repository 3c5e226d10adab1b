"""Forks, crashes and inheritances: every process for itself, and nothing reported is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from devkit.servers.proxy import FaultProxy, Refuse
from devkit.servers.rabbitmq import RabbitServer
from parsekit import JsonObject
from parsekit.testing.sinks import outcome_of
from parsekit_sinks_rabbitmq import message

from .conftest import Caller, Sinks, until
from .test_outages import ends, left_behind, task_ids, unique


def in_child(sinks: Sinks, name: str) -> int:
    """Tell a task in a forked child, as a Celery pool would; answer its exit status."""
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    status = 1
    try:
        sinks.task(outcome_of(name), sinks.queue)
        sinks.close(20)
        status = 0
    finally:
        os._exit(status)


def test_a_child_has_a_connection_of_its_own_and_leaves_the_parents_alone(
    sinks: Sinks, caller: Caller, analyst: Caller
) -> None:
    sinks.task(outcome_of("parent-1"), sinks.queue)
    sinks.settle()
    assert in_child(sinks, "child") == 0
    sinks.task(outcome_of("parent-2"), sinks.queue)
    counts = sinks.settle()
    assert counts.progress.sent == 6
    assert counts.progress.dropped == {}
    assert unique([m["taskId"] for m in caller.read(9)]) == ["parent-1", "child", "parent-2"]
    assert task_ids(analyst.read(3)) == ["parent-1", "child", "parent-2"]


def test_a_child_sends_nothing_of_what_waits_in_its_parent(
    sinks: Sinks, broker: RabbitServer, analyst: Caller
) -> None:
    broker.freeze()
    sinks.task(outcome_of("parent"), None)
    pid = os.fork()
    if not pid:
        sinks.close(0)
        os._exit(0)
    os.waitpid(pid, 0)
    broker.thaw()
    sinks.settle()
    assert task_ids(analyst.read(1)) == ["parent"]


KILLED = """
import json, os, signal, sys, time
from pathlib import Path
from parsekit.testing.sinks import HostedSink, outcome_of
from parsekit_sinks_rabbitmq.plugin import RabbitSinks
listener = HostedSink(RabbitSinks(), {"transport": json.loads(sys.argv[1])}, Path(sys.argv[2]))
listener.open()
for number in range(10):
    listener.task(outcome_of(f"killed-{number}"), sys.argv[3] or None)
if len(sys.argv) > 4 and os.fork() == 0:
    Path(sys.argv[4]).write_text(str(os.getpid()))
    time.sleep(120)
os.kill(os.getpid(), signal.SIGKILL)
"""


def kill_in_the_middle(transport: JsonObject, folder: Path, *child: str, queue: str = "") -> None:
    script = [sys.executable, "-c", KILLED, json.dumps(transport), str(folder), queue, *child]
    assert subprocess.run(script, check=False).returncode == -signal.SIGKILL


def test_what_a_killed_process_stored_is_sent_by_the_next_one(
    transport: JsonObject, broker: RabbitServer, tmp_path: Path
) -> None:
    broker.freeze()
    kill_in_the_middle(transport, tmp_path)
    kill_in_the_middle(transport, tmp_path)
    broker.thaw()
    heir = Sinks({"transport": transport}, tmp_path)
    assert len(heir.spooled) == 2
    heir.task(outcome_of("heir"), None)
    with Caller(broker, heir.name) as analyst:
        names = task_ids(analyst.read(21))
    assert sorted(names) == sorted([f"killed-{n}" for n in range(10)] * 2 + ["heir"])
    heir.close()
    assert heir.spooled == []


def test_ends_that_a_killed_process_stored_reach_their_callers(
    transport: JsonObject, broker: RabbitServer, tmp_path: Path
) -> None:
    queue = f"caller-of-{transport['analytics_queue']}"
    broker.freeze()
    kill_in_the_middle(transport, tmp_path, queue=queue)
    broker.thaw()
    heir = Sinks({"transport": transport}, tmp_path)
    heir.task(outcome_of("heir"), queue)
    with Caller(broker, queue) as caller:
        until(lambda: heir.settle() and caller.exists(), "the caller's queue")
        told = caller.messages_now()
    assert sorted(ends(told)) == sorted([*(f"killed-{n}" for n in range(10)), "heir"])
    assert all(m["result"]["data"] for m in told if m["status"] == "Complete")
    heir.close()
    assert heir.spooled == []


def test_ends_that_nobody_waits_for_any_more_are_dropped_and_counted(
    transport: JsonObject, broker: RabbitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = f"caller-of-{transport['analytics_queue']}"
    broker.freeze()
    kill_in_the_middle(transport, tmp_path, queue=queue)
    broker.thaw()
    monkeypatch.setattr(message, "PROGRESS_EXPIRES_S", 0.0)
    heir = Sinks({"transport": transport}, tmp_path)
    heir.task(outcome_of("heir"), None)
    assert heir.settle().progress.dropped == {"expired": 10}
    with Caller(broker, heir.name) as analyst:
        assert len(analyst.read(11)) == 11
    heir.close()


def test_a_child_that_outlives_its_parent_does_not_hold_the_spool(
    transport: JsonObject, broker: RabbitServer, tmp_path: Path
) -> None:
    broker.freeze()
    child = tmp_path / "child"
    kill_in_the_middle(transport, tmp_path, str(child))
    broker.thaw()
    heir = Sinks({"transport": transport}, tmp_path)
    heir.task(outcome_of("heir"), None)
    try:
        with Caller(broker, heir.name) as analyst:
            assert len(analyst.read(11)) == 11
    finally:
        until(child.exists, "the child")
        os.kill(int(child.read_text()), signal.SIGKILL)
    heir.close()


def test_the_spool_of_a_living_process_is_left_alone(
    detour: JsonObject, proxy: FaultProxy, tmp_path: Path
) -> None:
    sinks = Sinks({"transport": detour}, tmp_path)
    with proxy.failing(Refuse()):
        sinks.task(outcome_of("mine"), None)
        until(lambda: sinks.spooled, "the spool")
        assert left_behind(sinks) == ([], [])
    sinks.settle()
    sinks.close()


def test_a_queue_that_takes_no_analytics_holds_up_no_ends_of_killed_processes(
    transport: JsonObject, broker: RabbitServer, tmp_path: Path
) -> None:
    queue = f"caller-of-{transport['analytics_queue']}"
    with (
        Caller(broker, transport["analytics_queue"], odd=True) as analyst,
        Caller(broker, queue) as caller,
    ):
        analyst.declare(arguments={"x-max-length": 0, "x-overflow": "reject-publish"})
        caller.declare()
        broker.freeze()
        kill_in_the_middle(transport, tmp_path, queue=queue)
        kill_in_the_middle(transport, tmp_path, queue=queue)
        broker.thaw()
        heir = Sinks({"transport": transport}, tmp_path)
        heir.task(outcome_of("heir"), None)
        until(lambda: heir.counts().progress.sent >= 20, "the ends of both")
        assert sorted(ends(caller.messages_now())) == sorted([f"killed-{n}" for n in range(10)] * 2)
    heir.close(0)
