"""RabbitMQ away, frozen, full or unwilling: no call waits, and what was lost is counted."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import pytest

from devkit.servers.process import free_port
from devkit.servers.proxy import FaultProxy, Refuse
from devkit.servers.rabbitmq import RabbitServer
from parsekit import JsonObject
from parsekit.testing.sinks import LONGEST_CALL_S, believable_body, outcome_of
from parsekit_sinks_rabbitmq import channel
from parsekit_sinks_rabbitmq.connection import BrokerConnection
from parsekit_sinks_rabbitmq.message import Message
from parsekit_sinks_rabbitmq.segment import Segment
from parsekit_sinks_rabbitmq.spool import ENDS, SPOOL, Orphans

from .conftest import Caller, Sinks, until

KINDS = ("analytics", "progress")


#: A result of some 100 kB, as Ballchasing's are: a few dozen fill the buffers of a connection.
LARGE = believable_body("x" * 100_000)


@contextmanager
def all_at_once() -> Iterator[None]:
    """Have the sink send nothing until the end of the block, and then in batches as large as go."""
    gate, ready = threading.Event(), BrokerConnection.ready
    with patch.object(
        BrokerConnection, "ready", lambda connection: gate.wait() and ready(connection)
    ):
        yield
        gate.set()


def tasks(sinks: Sinks, prefix: str, count: int = 20, data: JsonObject | None = None) -> list[str]:
    """Tell the lives of some tasks; answer their ids."""
    names = [f"{prefix}-{number:03}" for number in range(count)]
    for name in names:
        sinks.task(outcome_of(name, data=data), sinks.queue)
    return names


def task_ids(events: list[JsonObject]) -> list[str]:
    return [dict(event["data"]["tags"])["taskId"] for event in events]


def ends(messages: list[JsonObject]) -> list[str]:
    return [m["taskId"] for m in messages if m["status"] != "Pending"]


def test_down_at_start_then_everything_is_sent_late_and_in_order(
    detour: JsonObject, proxy: FaultProxy, broker: RabbitServer, tmp_path: Path
) -> None:
    with proxy.failing(Refuse()):
        sinks = Sinks({"transport": detour}, tmp_path)
        names = tasks(sinks, "early")
        assert sinks.added_s < LONGEST_CALL_S
        time.sleep(channel.CONNECT_S + 0.5)
    counts = sinks.settle()
    assert counts.progress.dropped == counts.analytics.dropped == {}
    assert counts.analytics.late == len(names)
    with Caller(broker, sinks.queue) as caller, Caller(broker, sinks.name) as analyst:
        assert ends(caller.read(3 * len(names))) == names
        assert task_ids(analyst.read(len(names))) == names
    sinks.close()


def test_a_restart_in_the_middle_loses_no_end_and_no_event(
    sinks: Sinks, broker: RabbitServer, caller: Caller, analyst: Caller
) -> None:
    caller.declare(), analyst.declare()
    before = tasks(sinks, "before")
    sinks.settle()
    broker.kill()
    during = tasks(sinks, "during")
    broker.start()
    after = tasks(sinks, "after")
    assert sinks.added_s < LONGEST_CALL_S
    counts = sinks.settle()
    assert set(counts.progress.dropped) <= {"unconfirmed"}
    with Caller(broker, sinks.queue) as again, Caller(broker, sinks.name) as events:
        # Steps died with the broker; the ends of tasks and the events are on its disk.
        assert unique(ends(again.messages_now())) == before + during + after
        assert unique(task_ids(events.messages_now())) == before + during + after


@pytest.mark.parametrize("data", [None, LARGE], ids=["small", "large"])
def test_frozen_for_a_moment_nothing_is_lost_or_repeated(
    sinks: Sinks,
    broker: RabbitServer,
    caller: Caller,
    analyst: Caller,
    data: JsonObject | None,
) -> None:
    caller.declare(), analyst.declare()
    first = tasks(sinks, "first", 3)
    sinks.settle()
    broker.freeze()
    with all_at_once():
        second = tasks(sinks, "second", 120, data)
    assert sinks.added_s < LONGEST_CALL_S
    time.sleep(3)
    broker.thaw()
    counts = sinks.settle()
    assert counts.progress.dropped == counts.analytics.dropped == {}
    assert ends(caller.read(369)) == first + second
    assert task_ids(analyst.read(123)) == first + second


def test_frozen_for_long_every_end_and_event_arrives_at_least_once(
    sinks: Sinks,
    broker: RabbitServer,
    caller: Caller,
    analyst: Caller,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(channel, "CONFIRM_S", 0.5)
    caller.declare(), analyst.declare()
    names = tasks(sinks, "warm", 1)
    sinks.settle()
    broker.freeze()
    names += tasks(sinks, "frozen")
    until(lambda: not sinks.counts().connected, "the sink to give the connection up")
    broker.thaw()
    counts = sinks.settle()
    assert set(counts.progress.dropped) <= {"unconfirmed"}
    came = caller.messages_now()
    assert unique(ends(came)) == names
    for name in names:
        values = [m["progress"]["value"] for m in came if m["taskId"] == name]
        assert values == sorted(values)
    assert unique(task_ids(analyst.messages_now())) == names


def test_what_was_under_way_when_the_broker_died_is_sent_again(
    sinks: Sinks, broker: RabbitServer, caller: Caller
) -> None:
    caller.declare()
    sinks.task(outcome_of("warm"), sinks.queue)
    sinks.settle()
    broker.freeze()
    names = tasks(sinks, "doubtful", 5)
    time.sleep(1)  # the batch is on its way, and its status can't be known
    broker.restart()
    counts = sinks.settle()
    assert set(counts.progress.dropped) <= {"unconfirmed"}
    with Caller(broker, sinks.queue) as again, Caller(broker, sinks.name) as events:
        assert unique(ends(again.messages_now())) == ["warm", *names]
        assert unique(task_ids(events.messages_now())) == ["warm", *names]


def test_frozen_close_keeps_its_grace_and_leaves_the_events_to_the_next_process(
    sinks: Sinks, broker: RabbitServer, analyst: Caller, transport: JsonObject, tmp_path: Path
) -> None:
    broker.freeze()
    names = tasks(sinks, "left")
    began = time.monotonic()
    sinks.close(1)
    assert time.monotonic() - began < 1 + LONGEST_CALL_S
    broker.thaw()
    until(lambda: not running("parsekit-rabbitmq"), "the thread to end")
    heir = Sinks({"transport": transport}, tmp_path)
    heir.task(outcome_of("heir"), None)
    heir.settle()
    until(lambda: len(heir.spooled) <= 1, "the orphan to be sent")
    assert unique(task_ids(analyst.messages_now())) == [*names, "heir"]
    heir.close()
    assert heir.spooled == []


def test_connections_closed_by_the_broker_are_made_again(
    sinks: Sinks, broker: RabbitServer, caller: Caller, analyst: Caller
) -> None:
    caller.declare(), analyst.declare()
    names = tasks(sinks, "one", 3)
    sinks.settle()
    broker.close_connections()
    names += tasks(sinks, "two", 3)
    counts = sinks.settle()
    assert counts.analytics.sent >= 6
    with Caller(broker, sinks.queue) as again, Caller(broker, sinks.name) as events:
        assert ends(again.messages_now()) == names
        assert unique(task_ids(events.messages_now())) == names


def test_a_deleted_queue_is_made_again(sinks: Sinks, caller: Caller, analyst: Caller) -> None:
    tasks(sinks, "gone", 1)
    sinks.settle()
    caller.delete(), analyst.delete()
    told = sinks.task(outcome_of("there"), sinks.queue)
    assert caller.read(3) == told[:3]
    assert analyst.read(1) == told[3:]


def test_a_full_caller_queue_costs_its_steps_and_delays_its_ends(
    sinks: Sinks, broker: RabbitServer, caller: Caller, analyst: Caller
) -> None:
    caller.declare(arguments={"x-max-length": 2, "x-overflow": "reject-publish"})
    names = tasks(sinks, "full", 3)
    until(lambda: sinks.counts().progress.dropped == {"rejected": 4}, "steps to be refused")
    assert len(analyst.read(3)) == 3
    with_room = sinks.task(outcome_of("other"), f"other-{sinks.queue}")
    with Caller(broker, f"other-{sinks.queue}") as other:
        assert other.read(3) == with_room[:3]  # nobody else is held up
    assert sinks.counts().waiting == 3
    found: list[str] = []

    def drained() -> bool:
        found.extend(ends(caller.messages_now()))
        return not sinks.counts().waiting

    until(drained, "the ends")
    found += ends(caller.messages_now())
    assert found == names
    assert sinks.counts().progress.dropped == {"rejected": 4}


def test_a_full_analytics_queue_delays_events_and_loses_none(
    sinks: Sinks, caller: Caller, analyst: Caller
) -> None:
    analyst.declare(arguments={"x-max-length": 2, "x-overflow": "reject-publish"})
    caller.declare()
    names = tasks(sinks, "full", 6)
    assert len(caller.read(18)) == 18
    found: list[str] = []

    def drained() -> bool:
        found.extend(task_ids(analyst.messages_now()))
        return set(found) == set(names) and not sinks.counts().spooled_bytes

    until(drained, "all events through the small queue")
    assert sinks.counts().analytics.dropped == {}
    assert sorted(unique(found)) == names  # one that was refused may come later than the next


def test_a_disk_alarm_delays_and_repeats_nothing(
    sinks: Sinks,
    dry: Callable[[bool], None],
    caller: Caller,
    analyst: Caller,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(channel, "CONFIRM_S", 0.5)
    caller.declare(), analyst.declare()
    names = tasks(sinks, "before", 2)
    sinks.settle()
    dry(True)
    with all_at_once():  # the write itself is held up, as no buffer takes so much
        names += tasks(sinks, "during", 120, LARGE)
    assert sinks.added_s < LONGEST_CALL_S
    with patch.object(Segment, "sync", autospec=True) as sync:
        time.sleep(4)
    assert sync.called  # a power cut costs no more than the last events, however long it takes
    assert sinks.counts().connected
    dry(False)
    counts = sinks.settle()
    assert counts.progress.dropped == {}
    assert ends(caller.read(366)) == names
    assert task_ids(analyst.read(122)) == names


def test_a_blocked_broker_that_dies_is_given_up(
    sinks: Sinks,
    broker: RabbitServer,
    dry: Callable[[bool], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(channel, "CONFIRM_S", 0.5)
    monkeypatch.setattr(channel, "HEARTBEAT_S", 1)
    tasks(sinks, "before", 1)
    sinks.settle()
    dry(True)
    with all_at_once():
        names = tasks(sinks, "during", 60, LARGE)
    time.sleep(4)
    assert sinks.counts().connected
    broker.freeze()
    until(lambda: not sinks.counts().connected, "the sink to miss the broker's heartbeats")
    broker.restart()
    sinks.settle()
    with Caller(broker, sinks.queue) as caller:
        assert unique(ends(caller.messages_now()))[-60:] == names


def test_a_queue_that_may_not_be_declared_costs_its_progress(sinks: Sinks, analyst: Caller) -> None:
    sinks.task(outcome_of("reserved"), "amq.not-there")
    analyst.read(1)
    assert sinks.settle().progress.dropped == {"unroutable": 3}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"password_file": "other"}, "refuses user 'guest'"),
        ({"url": "/missing"}, "vhost 'missing' does not exist"),
        ({"url": "nobody"}, "nobody listens"),
    ],
    ids=["password", "vhost", "refused"],
)
def test_a_broker_that_will_not_have_us_is_named_without_the_password(
    broker: RabbitServer,
    transport: JsonObject,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    change: JsonObject,
    words: str,
) -> None:
    (tmp_path / "other").write_text("correct-horse")
    if "password_file" in change:
        transport = {**transport, "password_file": str(tmp_path / "other")}
    elif change["url"] == "nobody":
        transport = {**transport, "url": f"amqp://guest:correct-horse@127.0.0.1:{free_port()}"}
    else:
        transport = {**transport, "url": broker.url("missing")}
    sinks = Sinks({"transport": transport}, tmp_path)
    names = tasks(sinks, "unwanted", 3)
    assert sinks.added_s < LONGEST_CALL_S
    until(lambda: words in caplog.text, words)
    assert "correct-horse" not in caplog.text
    sinks.close(0.5)
    assert sum("lost a message of progress" in line for line in caplog.messages) == 1
    until(lambda: not running("parsekit-rabbitmq"), "the thread to end")
    assert left_behind(sinks) == (names, names)


def test_while_rabbitmq_is_away_the_oldest_steps_go_first_and_no_end(
    detour: JsonObject,
    proxy: FaultProxy,
    broker: RabbitServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("parsekit_sinks_rabbitmq.buffer.Buffer.__init__.__defaults__", (30, 10**8))
    with proxy.failing(Refuse()):
        sinks = Sinks({"transport": detour}, tmp_path)
        names = tasks(sinks, "many", 25)
        assert sinks.counts().progress.dropped == {"buffer_full": 45}
    sinks.settle()
    with Caller(broker, sinks.queue) as caller:
        came = caller.messages_now()
    assert ends(came) == names
    assert {m["taskId"] for m in came if m["status"] == "Pending"} <= set(names[-3:])
    sinks.close()


def test_a_folder_that_can_not_be_written_leaves_events_in_memory(
    transport: JsonObject, tmp_path: Path, broker: RabbitServer
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/spool").write_text("in the way")
    sinks = Sinks({"transport": transport}, tmp_path)
    sinks.task(outcome_of("homeless"), None)
    with Caller(broker, sinks.name) as analyst:
        assert task_ids(analyst.read(1)) == ["homeless"]
    sinks.close()


def test_queues_that_refuse_are_not_asked_without_pause_while_the_process_ends(
    transport: JsonObject, tmp_path: Path, broker: RabbitServer
) -> None:
    full = {"x-max-length": 0, "x-overflow": "reject-publish"}
    sinks = Sinks({"transport": transport}, tmp_path)
    with (
        Caller(broker, sinks.queue, odd=True) as caller,
        Caller(broker, sinks.name, odd=True) as analyst,
    ):
        for each in (caller, analyst):
            each.declare(arguments=full)
        sinks.task(outcome_of("refused"), sinks.queue)
        until(lambda: sinks.counts().waiting == 1, "a refusal")
        with patch.object(
            BrokerConnection, "send", autospec=True, side_effect=BrokerConnection.send
        ) as send:
            sinks.close(3)
        assert 1 <= send.call_count < 50


def unique(names: list[str]) -> list[str]:
    return list(dict.fromkeys(names))


def running(name: str) -> bool:
    return any(thread.name == name for thread in threading.enumerate())


def left_behind(sinks: Sinks) -> tuple[list[str], list[str]]:
    """The tasks of which events, and ends, are left on the disk for another process."""
    found: list[Message] = []
    for suffix in (SPOOL, ENDS):
        orphans = Orphans(sinks.session.data_dir / "spool", suffix)
        orphans.adopt()
        while (segment := orphans.first()) is not None:
            unsent = segment.unsent("analytics", 1000)
            found += [message for message, _ in unsent.messages]
            segment.mark_sent(unsent.end)
        orphans.close()
    bodies = {kind: [json.loads(m.body) for m in found if m.kind == kind] for kind in KINDS}
    return task_ids(bodies["analytics"]), ends(bodies["progress"])
