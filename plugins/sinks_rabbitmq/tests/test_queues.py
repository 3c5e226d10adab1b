"""What each status means for what waits, with a connection that does what the test
says."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from parsekit_sinks_rabbitmq import connection as connection_module
from parsekit_sinks_rabbitmq.connection import BrokerConnection
from parsekit_sinks_rabbitmq.journal import Journal
from parsekit_sinks_rabbitmq.memory_queue import MemoryQueue
from parsekit_sinks_rabbitmq.message import BatchResult, DeliveryStatus, Kind, Message, StepWindows
from parsekit_sinks_rabbitmq.metrics import Counters
from parsekit_sinks_rabbitmq.retry_queue import RetryQueue
from parsekit_sinks_rabbitmq.settings import BrokerAddress
from parsekit_sinks_rabbitmq.spool import ENDS, Orphans, Spool
from parsekit_sinks_rabbitmq.spool_queue import AnalyticsQueue, SpoolQueue

T, R, U = DeliveryStatus.CONFIRMED, DeliveryStatus.REJECTED, DeliveryStatus.UNROUTABLE


def message(
    name: str, *, kind: Kind = "progress", durable: bool = False, queue: str = "q", size: int = 2
) -> Message:
    return Message(
        kind=kind,
        queue=queue,
        body=b"x" * size,
        message_id=name,
        created_unix=time.time(),
        durable=durable,
    )


class ScriptedConnection:
    """Answers each batch with the next statuses; with none left, all is taken."""

    batch = 128

    def __init__(self, *statuses: Sequence[DeliveryStatus] | Exception) -> None:
        self._script = list(statuses)
        self.sent: list[str] = []

    @property
    def as_connection(self) -> BrokerConnection:
        return cast("BrokerConnection", self)

    def ready(self) -> bool:
        return True

    def send(self, messages: Sequence[Message]) -> BatchResult:
        self.sent.append("".join(each.message_id for each in messages))
        statuses = self._script.pop(0) if self._script else [T] * len(messages)
        if isinstance(statuses, Exception):
            raise statuses
        return BatchResult(statuses=statuses, error=None)


def refuse(_: Message) -> None:
    raise AssertionError("nothing is refused here")


@pytest.fixture
def counters() -> Counters:
    return Counters()


@pytest.fixture
def memory(tmp_path: Path, counters: Counters) -> MemoryQueue:
    return MemoryQueue(Journal(tmp_path), counters, refuse)


@pytest.fixture
def disk(tmp_path: Path, counters: Counters) -> Iterator[AnalyticsQueue]:
    queue = AnalyticsQueue(Spool(tmp_path), "q", counters, refuse)
    yield queue
    queue.close()


@pytest.fixture
def refused(tmp_path: Path, counters: Counters) -> RetryQueue:
    return RetryQueue(Journal(tmp_path), counters, most=3)


def test_a_fault_of_ours_keeps_the_ends_and_leaves_nothing_under_way(memory: MemoryQueue) -> None:
    for name in "aEb":
        memory.put(message(name, durable=name == "E"))
    connection = ScriptedConnection(ZeroDivisionError("a fault of ours"))
    with pytest.raises(ZeroDivisionError):
        memory.flush(connection.as_connection)
    assert len(memory) == 1
    memory.flush(connection.as_connection)
    assert connection.sent == ["aEb", "E"]
    assert len(memory) == 0


class Stumbling:
    """A link that can't send one of the messages, for a reason that nobody has foreseen."""

    def send(self, messages: Sequence[Message]) -> BatchResult:
        if any(each.message_id == "P" for each in messages):
            raise ZeroDivisionError("a fault of a library")
        return BatchResult(statuses=[T] * len(messages), error=None)

    def tick(self) -> None: ...

    def close(self) -> None: ...


@pytest.fixture
def stumbling(monkeypatch: pytest.MonkeyPatch) -> BrokerConnection:
    hurry = threading.Event()
    hurry.set()  # no pauses
    monkeypatch.setattr(
        BrokerConnection,
        "_connect",
        lambda connection: setattr(connection, "_channel", Stumbling()),
    )
    return BrokerConnection(lambda: cast("BrokerAddress", None), hurry)


def test_a_message_that_makes_us_stumble_costs_itself_and_no_other(
    memory: MemoryQueue, disk: AnalyticsQueue, counters: Counters, stumbling: BrokerConnection
) -> None:
    for name in "APB":
        memory.put(message(name, durable=True))
        disk.put(message(name, kind="analytics", durable=True))
    for _ in range(4):
        memory.flush(stumbling)
        disk.flush(stumbling)
    for kind in ("progress", "analytics"):
        counts = counters.of(cast("Kind", kind))
        assert (counts.sent, counts.dropped) == (2, {"refused": 1})
    assert (len(memory), disk.unsent_bytes) == (0, 0)


def test_what_was_taken_behind_a_refused_event_is_not_sent_again(
    disk: AnalyticsQueue, counters: Counters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "FIRST_PAUSE_S", 0.0)
    for name in "abcde":
        disk.put(message(name, kind="analytics", durable=True))
    connection = ScriptedConnection([T, R, T, R, T], [R], [T], [T])
    for _ in range(4):
        disk.flush(connection.as_connection)
    assert connection.sent == ["abcde", "b", "b", "d"]
    assert counters.of("analytics").sent == 5
    assert disk.unsent_bytes == 0
    disk.put(message("f", kind="analytics", durable=True))
    disk.flush(connection.as_connection)
    assert connection.sent[-1] == "f"


def test_a_full_queue_is_asked_with_its_oldest_end_and_holds_up_no_other(
    refused: RetryQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "FIRST_PAUSE_S", 0.0)
    for name in "abC":
        refused.put(message(name, durable=True, queue="full" if name in "ab" else "free"))
    connection = ScriptedConnection([R, T], [T], [T])
    for _ in range(4):
        refused.flush(connection.as_connection, hurried=False)
    assert connection.sent == ["aC", "a", "b"]
    assert len(refused) == 0


def test_whoever_has_most_put_aside_pays_when_there_is_no_room(
    refused: RetryQueue, counters: Counters
) -> None:
    for name in "abcD":
        refused.put(message(name, durable=True, queue="quiet" if name == "D" else "greedy"))
    assert counters.of("progress").dropped == {"rejected": 1}
    connection = ScriptedConnection()
    refused.flush(connection.as_connection, hurried=True)
    assert connection.sent == ["bD"]


def test_ends_that_are_put_aside_outlive_their_process_and_expire(
    refused: RetryQueue, counters: Counters, tmp_path: Path
) -> None:
    refused.put(message("kept", durable=True))
    refused.put(replace(message("old", durable=True), created_unix=0.0))
    refused.flush(ScriptedConnection([R]).as_connection, hurried=True)
    assert counters.of("progress").dropped == {"expired": 1}
    refused.abandon()
    aside: list[Message] = []
    heir = SpoolQueue(Orphans(tmp_path, ENDS), "q", counters, aside.append)
    heir.flush(ScriptedConnection([R]).as_connection)
    assert [each.message_id for each in aside] == ["kept"]
    heir.close()


def test_steps_of_a_task_that_left_are_dropped_once_its_time_is_over(
    memory: MemoryQueue, counters: Counters
) -> None:
    windows = StepWindows()
    memory.put(replace(message("a"), window=windows.of("gone")))
    memory.put(replace(message("b"), window=windows.of("here")))
    windows.close("gone", 0.0)
    windows.close("unknown", 0.0)
    memory.put(replace(message("c"), window=windows.of("gone")))  # it came back
    memory.put(replace(message("d"), window=windows.of("leaving")))
    windows.close("leaving", 60.0)
    connection = ScriptedConnection()
    memory.flush(connection.as_connection)
    assert connection.sent == ["bcd"]
    assert counters.of("progress").dropped == {"late": 1}
