"""The one thread of a process that talks to RabbitMQ."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from parsekit_sinks_rabbitmq.counters import Counters, Snapshot
from parsekit_sinks_rabbitmq.disk_lane import SYNC_S, AnalyticsLane, DiskLane
from parsekit_sinks_rabbitmq.journal import Journal
from parsekit_sinks_rabbitmq.line import Line
from parsekit_sinks_rabbitmq.memory_lane import MemoryLane
from parsekit_sinks_rabbitmq.message import Message
from parsekit_sinks_rabbitmq.orphans import ENDS, Orphans
from parsekit_sinks_rabbitmq.refused import RefusedLane
from parsekit_sinks_rabbitmq.runs import Runs
from parsekit_sinks_rabbitmq.settings import Broker
from parsekit_sinks_rabbitmq.spool import Spool

log = logging.getLogger("parsekit.rabbitmq")

#: How often an idle connection is looked after, seconds: a few times a heartbeat.
IDLE_S = 5.0
#: How long messages gather before they are sent, seconds: a task tells several at once, and each
#: time this thread wakes takes the processor from the tasks.
GATHER_S = 0.02
#: How often sending is tried again while the process ends, seconds.
HURRIED_PAUSE_S = 0.2


class Publisher:
    """Takes messages from any thread at once, and sends them from a thread of its own.

    The thread starts with the first message, or is told to. A publisher belongs to the process that
    made it.
    """

    def __init__(self, broker: Callable[[], Broker], analytics_queue: str, spool: Path) -> None:
        self.counters, self.runs = Counters(), Runs()
        self._hurry, self._work = threading.Event(), threading.Event()
        self._deadline = float("inf")
        self._refused = RefusedLane(Journal(spool), self.counters)
        aside = self._refused.put
        self._memory = MemoryLane(Journal(spool), self.counters, aside)
        self._left = DiskLane(Orphans(spool, ENDS), analytics_queue, self.counters, aside)
        self._analytics = AnalyticsLane(Spool(spool), analytics_queue, self.counters, aside)
        self._line = Line(broker, self._hurry, self._analytics.sync)
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def put(self, message: Message) -> None:
        """Take a message; never waits for RabbitMQ. What is to be kept is on the disk then."""
        if message.kind == "progress" or not self._analytics.put(message):
            self._memory.put(message)
        self._start()
        if not self._work.is_set():  # to set it again takes locks all the same
            self._work.set()

    def begin(self) -> None:
        """Look for what processes that died have left, without waiting for a first message."""
        self._start()

    def snapshot(self) -> Snapshot:
        """What became of everything so far."""
        return Snapshot(
            progress=self.counters.of("progress"),
            analytics=self.counters.of("analytics"),
            waiting=len(self._memory) + len(self._refused),
            spooled_bytes=self._left.unsent_bytes + self._analytics.unsent_bytes,
            connected=self._line.connected,
        )

    def close(self, grace_s: float) -> None:
        """Send what waits, within ``grace_s`` seconds; the spool stays for other processes."""
        self._deadline = time.monotonic() + grace_s
        self._hurry.set()
        self._work.set()
        if self._thread is not None:
            self._thread.join(grace_s)
        self._memory.abandon()
        self._refused.abandon()

    def _start(self) -> None:
        if self._thread is not None:
            return
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, daemon=True, name="parsekit-rabbitmq"
                )
                self._thread.start()

    def _run(self) -> None:
        while not self._finished():
            if self._work.wait(self._pause_s()):
                self._hurry.wait(GATHER_S)
            self._work.clear()
            try:
                self._line.tick()
                self._refused.flush(self._line, hurried=self._hurry.is_set())
                self._memory.flush(self._line)
                for lane in self._on_disk:
                    lane.flush(self._line)
            except Exception as exc:
                log.exception("the RabbitMQ sink stumbled over a fault of its own")
                self._line.drop(exc)
        self._line.hang_up()
        for lane in self._on_disk:
            lane.close()

    @property
    def _on_disk(self) -> tuple[DiskLane, ...]:
        return self._left, self._analytics

    @property
    def _sends_on_disk(self) -> bool:
        """Whether something stands there that is taken, as far as we know."""
        return any(lane.unsent_bytes and not lane.tripped for lane in self._on_disk)

    def _pause_s(self) -> float:
        if self._hurry.is_set():
            goes_on = (len(self._memory) or self._sends_on_disk) and not self._line.tripped
            return 0.0 if goes_on else HURRIED_PAUSE_S
        on_disk_s = min(lane.wait_s for lane in self._on_disk)
        waits_s = min(self._memory.wait_s, self._refused.wait_s, on_disk_s)
        return IDLE_S if waits_s == float("inf") else min(SYNC_S, self._line.wait_s or waits_s)

    def _finished(self) -> bool:
        """Whether the process ends, and all that matters is sent, on the disk, or out of time."""
        if not self._hurry.is_set():
            return False
        if time.monotonic() > self._deadline:
            return True
        if self._line.tripped:
            return not (self._memory.holds_kept or len(self._refused))
        in_memory = len(self._memory) + len(self._refused)
        return not in_memory and not self._sends_on_disk
