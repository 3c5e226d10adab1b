"""What each fate means for what waits, with a line that does what the test says."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from parsekit_sinks_rabbitmq import breaker
from parsekit_sinks_rabbitmq.counters import Counters
from parsekit_sinks_rabbitmq.disk_lane import AnalyticsLane, DiskLane
from parsekit_sinks_rabbitmq.fate import Fate, Sent
from parsekit_sinks_rabbitmq.journal import Journal
from parsekit_sinks_rabbitmq.line import Line
from parsekit_sinks_rabbitmq.link import to_repeat
from parsekit_sinks_rabbitmq.memory_lane import MemoryLane
from parsekit_sinks_rabbitmq.message import Kind, Message
from parsekit_sinks_rabbitmq.orphans import ENDS, Orphans
from parsekit_sinks_rabbitmq.refused import RefusedLane
from parsekit_sinks_rabbitmq.runs import Runs
from parsekit_sinks_rabbitmq.settings import Broker
from parsekit_sinks_rabbitmq.spool import Spool

T, R, U = Fate.TAKEN, Fate.REJECTED, Fate.UNROUTABLE


def message(
    name: str, *, kind: Kind = "progress", keep: bool = False, queue: str = "q", size: int = 2
) -> Message:
    return Message(
        kind=kind,
        queue=queue,
        body=b"x" * size,
        message_id=name,
        told_unix=time.time(),
        keep=keep,
    )


class ScriptedLine:
    """Answers each batch with the next fates; with none left, all is taken."""

    batch = 128

    def __init__(self, *fates: Sequence[Fate] | Exception) -> None:
        self._script = list(fates)
        self.sent: list[str] = []

    @property
    def as_line(self) -> Line:
        return cast("Line", self)

    def ready(self) -> bool:
        return True

    def send(self, messages: Sequence[Message]) -> Sent:
        self.sent.append("".join(each.message_id for each in messages))
        fates = self._script.pop(0) if self._script else [T] * len(messages)
        if isinstance(fates, Exception):
            raise fates
        return Sent(fates=fates, error=None)


def refuse(_: Message) -> None:
    raise AssertionError("nothing is refused here")


@pytest.fixture
def counters() -> Counters:
    return Counters()


@pytest.fixture
def memory(tmp_path: Path, counters: Counters) -> MemoryLane:
    return MemoryLane(Journal(tmp_path), counters, refuse)


@pytest.fixture
def disk(tmp_path: Path, counters: Counters) -> Iterator[AnalyticsLane]:
    lane = AnalyticsLane(Spool(tmp_path), "q", counters, refuse)
    yield lane
    lane.close()


@pytest.fixture
def refused(tmp_path: Path, counters: Counters) -> RefusedLane:
    return RefusedLane(Journal(tmp_path), counters, most=3)


def test_a_fault_of_ours_keeps_the_ends_and_leaves_nothing_under_way(memory: MemoryLane) -> None:
    for name in "aEb":
        memory.put(message(name, keep=name == "E"))
    line = ScriptedLine(ZeroDivisionError("a fault of ours"))
    with pytest.raises(ZeroDivisionError):
        memory.flush(line.as_line)
    assert len(memory) == 1
    memory.flush(line.as_line)
    assert line.sent == ["aEb", "E"]
    assert len(memory) == 0


class Stumbling:
    """A link that can't send one of the messages, for a reason that nobody has foreseen."""

    def send(self, messages: Sequence[Message]) -> Sent:
        if any(each.message_id == "P" for each in messages):
            raise ZeroDivisionError("a fault of a library")
        return Sent(fates=[T] * len(messages), error=None)

    def tick(self) -> None: ...

    def close(self) -> None: ...


@pytest.fixture
def stumbling(monkeypatch: pytest.MonkeyPatch) -> Line:
    hurry = threading.Event()
    hurry.set()  # no pauses
    monkeypatch.setattr(Line, "_connect", lambda line: setattr(line, "_link", Stumbling()))
    return Line(lambda: cast("Broker", None), hurry)


def test_a_message_that_makes_us_stumble_costs_itself_and_no_other(
    memory: MemoryLane, disk: AnalyticsLane, counters: Counters, stumbling: Line
) -> None:
    for name in "APB":
        memory.put(message(name, keep=True))
        disk.put(message(name, kind="analytics", keep=True))
    for _ in range(4):
        memory.flush(stumbling)
        disk.flush(stumbling)
    for kind in ("progress", "analytics"):
        counts = counters.of(cast("Kind", kind))
        assert (counts.sent, counts.dropped) == (2, {"refused": 1})
    assert (len(memory), disk.unsent_bytes) == (0, 0)


def test_what_was_taken_behind_a_refused_event_is_not_sent_again(
    disk: AnalyticsLane, counters: Counters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaker, "FIRST_PAUSE_S", 0.0)
    for name in "abcde":
        disk.put(message(name, kind="analytics", keep=True))
    line = ScriptedLine([T, R, T, R, T], [R], [T], [T])
    for _ in range(4):
        disk.flush(line.as_line)
    assert line.sent == ["abcde", "b", "b", "d"]
    assert counters.of("analytics").sent == 5
    assert disk.unsent_bytes == 0
    disk.put(message("f", kind="analytics", keep=True))
    disk.flush(line.as_line)
    assert line.sent[-1] == "f"


def test_a_full_queue_is_asked_with_its_oldest_end_and_holds_up_no_other(
    refused: RefusedLane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaker, "FIRST_PAUSE_S", 0.0)
    for name in "abC":
        refused.put(message(name, keep=True, queue="full" if name in "ab" else "free"))
    line = ScriptedLine([R, T], [T], [T])
    for _ in range(4):
        refused.flush(line.as_line, hurried=False)
    assert line.sent == ["aC", "a", "b"]
    assert len(refused) == 0


def test_whoever_has_most_put_aside_pays_when_there_is_no_room(
    refused: RefusedLane, counters: Counters
) -> None:
    for name in "abcD":
        refused.put(message(name, keep=True, queue="quiet" if name == "D" else "greedy"))
    assert counters.of("progress").dropped == {"rejected": 1}
    line = ScriptedLine()
    refused.flush(line.as_line, hurried=True)
    assert line.sent == ["bD"]


def test_ends_that_are_put_aside_outlive_their_process_and_expire(
    refused: RefusedLane, counters: Counters, tmp_path: Path
) -> None:
    refused.put(message("kept", keep=True))
    refused.put(replace(message("old", keep=True), told_unix=0.0))
    refused.flush(ScriptedLine([R]).as_line, hurried=True)
    assert counters.of("progress").dropped == {"expired": 1}
    refused.abandon()
    aside: list[Message] = []
    heir = DiskLane(Orphans(tmp_path, ENDS), "q", counters, aside.append)
    heir.flush(ScriptedLine([R]).as_line)
    assert [each.message_id for each in aside] == ["kept"]
    heir.close()


def test_steps_never_come_after_what_was_sent_behind_them(counters: Counters) -> None:
    batch = [message("1"), message("2", queue="other"), message("3"), message("E", keep=True)]
    fates = dict(enumerate([U, U, T, U]))
    assert to_repeat(batch, fates) == [1, 3]
    assert to_repeat(batch, dict(enumerate([U, U, U, T]))) == [1]
    assert to_repeat([message("E", keep=True), message("F")], {0: U, 1: T}) == [0]


def test_steps_of_a_task_that_left_are_dropped_once_its_time_is_over(
    memory: MemoryLane, counters: Counters
) -> None:
    runs = Runs()
    memory.put(replace(message("a"), run=runs.of("gone")))
    memory.put(replace(message("b"), run=runs.of("here")))
    runs.end("gone", 0.0)
    runs.end("unknown", 0.0)
    memory.put(replace(message("c"), run=runs.of("gone")))  # it came back
    memory.put(replace(message("d"), run=runs.of("leaving")))
    runs.end("leaving", 60.0)
    line = ScriptedLine()
    memory.flush(line.as_line)
    assert line.sent == ["bcd"]
    assert counters.of("progress").dropped == {"late": 1}
