"""A worker that takes nothing although it could is found out; one that has a reason is not."""

from __future__ import annotations

import os
import threading
import time
from types import SimpleNamespace

import pytest

from parsekit.worker.monitoring.health import (
    STALL_SECONDS,
    HealthMonitor,
    Heartbeat,
    StallDetector,
    began_of,
    heartbeats,
    sweep,
)
from parsekit.worker.monitoring.queue_stats import Backlog, Queues, QueueSnapshot

SLOTS = 4
MINE, BULK, OTHERS = "replay-parse", "replay-parse-bulk", "of-other-workers"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Broker:
    def __init__(self, **messages: int) -> None:
        self.messages = {name.replace("_", "-"): count for name, count in messages.items()}

    def sample(self) -> QueueSnapshot:
        return QueueSnapshot(messages=self.messages, taken={}, dead_letters=0, waiting=None)


def untouched_s(
    backlog: Backlog, *, running: int = 0, runs_each_look: int = 0, throttled: bool = False
) -> float:
    """After two minutes of looks in which this was seen."""
    clock = Clock()
    attention = StallDetector(SLOTS, clock)
    for look in range(20):
        clock.now += 6
        attention.note(
            runs=look * runs_each_look, running=running, backlog=backlog, throttled=throttled
        )
    return attention.untouched_s


@pytest.mark.parametrize(
    ("backlog", "running"),
    [
        (Backlog(preferred=1, bulk=0), 0),
        (Backlog(preferred=1, bulk=0), SLOTS - 1),
        (Backlog(preferred=0, bulk=1), 0),
    ],
)
def test_one_that_could_take_messages_and_takes_none_is_not_live(backlog, running):
    waited_s = untouched_s(backlog, running=running)
    assert waited_s > STALL_SECONDS
    beat = Heartbeat(pid=1, at_unix=time.time(), untouched_s=waited_s)
    assert "has taken no message" in (beat.not_live(time.time()) or "")


@pytest.mark.parametrize(
    ("backlog", "reason"),
    [
        (Backlog(preferred=0, bulk=0), {}),
        (Backlog(preferred=9, bulk=9), {"running": SLOTS}),
        (Backlog(preferred=9, bulk=9), {"runs_each_look": 1}),
        (Backlog(preferred=0, bulk=9), {"running": SLOTS - 1}),
        (Backlog(preferred=9, bulk=9), {"throttled": True}),
    ],
    ids=["nothing waits", "no slot free", "it takes some", "bulk has its slots", "told so"],
)
def test_one_that_has_a_reason_is_live(backlog, reason):
    assert untouched_s(backlog, **reason) < STALL_SECONDS


def test_only_queues_that_the_worker_consumes_are_its_business():
    broker = Broker(replay_parse=3, replay_parse_bulk=5, of_other_workers=99)
    assert Queues(broker, (MINE, BULK), (BULK,)).sample() == Backlog(preferred=3, bulk=5)
    assert Queues(broker, (MINE,), (BULK,)).sample() == Backlog(preferred=3, bulk=0)
    assert Queues(broker, (BULK,), (BULK,)).sample() == Backlog(preferred=5, bulk=0)


def test_a_worker_that_ended_while_a_server_was_slow_leaves_no_heartbeat(tmp_path, monkeypatch):
    """The look ends after the wait for it, and would write of a worker that is gone."""
    monkeypatch.setattr("parsekit.worker.monitoring.health.BEAT_SECONDS", 0.01)
    asked, answer = threading.Event(), threading.Event()

    def slow() -> str:
        asked.set()
        answer.wait()
        return ""

    monitor = HealthMonitor(
        folder=tmp_path / "workers",
        running=SimpleNamespace(count=0, longest_s=0.0, runs=0),
        slots=SLOTS,
        run_limit_s=0,
        probes={"broker": slow},
        storage=lambda: "",
        backlog=lambda: Backlog(preferred=0, bulk=0),
        consumption=SimpleNamespace(held_back="", throttled=False),
    )
    monitor.start()
    asked.wait()
    (thread,) = (t for t in threading.enumerate() if t.name == "parsekit-health")
    monitor.stop()
    answer.set()
    thread.join()
    assert not list((tmp_path / "workers").iterdir())


def test_another_process_under_the_id_of_a_killed_worker_is_no_worker(tmp_path):
    me = os.getpid()
    Heartbeat(pid=me, at_unix=time.time(), began="1").write(tmp_path / "workers")
    assert not list(heartbeats(tmp_path / "workers"))
    sweep(tmp_path / "workers")
    assert not list((tmp_path / "workers").iterdir())
    Heartbeat(pid=me, at_unix=time.time(), began=began_of(me)).write(tmp_path / "workers")
    sweep(tmp_path / "workers")
    assert [beat.pid for beat in heartbeats(tmp_path / "workers")] == [me]
