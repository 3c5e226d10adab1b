"""The one thread of a process that talks to RabbitMQ."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from parsekit_sinks_rabbitmq.connection import BrokerConnection
from parsekit_sinks_rabbitmq.journal import Journal
from parsekit_sinks_rabbitmq.memory_queue import MemoryQueue
from parsekit_sinks_rabbitmq.message import Message, StepWindows
from parsekit_sinks_rabbitmq.metrics import Counters, SinkSnapshot
from parsekit_sinks_rabbitmq.retry_queue import RetryQueue
from parsekit_sinks_rabbitmq.settings import BrokerAddress
from parsekit_sinks_rabbitmq.spool import ENDS, Orphans, Spool
from parsekit_sinks_rabbitmq.spool_queue import SYNC_S, AnalyticsQueue, SpoolQueue

log = logging.getLogger("parsekit.rabbitmq")

#: How often an idle connection is looked after, seconds: a few times a heartbeat.
IDLE_S = 5.0
#: How long messages gather before they are sent, seconds: a task has several at once, and each
#: time this thread wakes takes the processor from the tasks.
GATHER_S = 0.02
#: How often sending is tried again while the process ends, seconds.
HURRIED_PAUSE_S = 0.2


class Sender:
    """Takes messages from any thread at once, and sends them from a thread of its own.

    The thread starts with the first message, or with `begin`. A sender belongs to the process that
    made it.
    """

    def __init__(
        self, broker: Callable[[], BrokerAddress], analytics_queue: str, spool: Path
    ) -> None:
        self.counters, self.windows = Counters(), StepWindows()
        self._hurry, self._work = threading.Event(), threading.Event()
        self._deadline = float("inf")
        self._refused = RetryQueue(Journal(spool), self.counters)
        retry_later = self._refused.put
        self._memory = MemoryQueue(Journal(spool), self.counters, retry_later)
        self._left = SpoolQueue(Orphans(spool, ENDS), analytics_queue, self.counters, retry_later)
        self._analytics = AnalyticsQueue(Spool(spool), analytics_queue, self.counters, retry_later)
        self._connection = BrokerConnection(broker, self._hurry, self._analytics.sync)
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

    def snapshot(self) -> SinkSnapshot:
        """What became of everything so far."""
        return SinkSnapshot(
            progress=self.counters.of("progress"),
            analytics=self.counters.of("analytics"),
            waiting=len(self._memory) + len(self._refused),
            spooled_bytes=self._left.unsent_bytes + self._analytics.unsent_bytes,
            connected=self._connection.connected,
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
                self._connection.tick()
                self._refused.flush(self._connection, hurried=self._hurry.is_set())
                self._memory.flush(self._connection)
                for queue in self._on_disk:
                    queue.flush(self._connection)
            except Exception as exc:
                log.exception("the RabbitMQ sink stumbled over a fault of its own")
                self._connection.drop(exc)
        self._connection.hang_up()
        for queue in self._on_disk:
            queue.close()

    @property
    def _on_disk(self) -> tuple[SpoolQueue, ...]:
        return self._left, self._analytics

    @property
    def _sends_on_disk(self) -> bool:
        """Whether something stands there that is taken, as far as we know."""
        return any(queue.unsent_bytes and not queue.tripped for queue in self._on_disk)

    def _pause_s(self) -> float:
        if self._hurry.is_set():
            has_work = (len(self._memory) or self._sends_on_disk) and not self._connection.failing
            return 0.0 if has_work else HURRIED_PAUSE_S
        on_disk_s = min(queue.wait_s for queue in self._on_disk)
        waits_s = min(self._memory.wait_s, self._refused.wait_s, on_disk_s)
        return (
            IDLE_S if waits_s == float("inf") else min(SYNC_S, self._connection.wait_s or waits_s)
        )

    def _finished(self) -> bool:
        """Whether the process ends, and all that matters is sent, on the disk, or out of time."""
        if not self._hurry.is_set():
            return False
        if time.monotonic() > self._deadline:
            return True
        if self._connection.failing:
            return not (self._memory.holds_durable or len(self._refused))
        in_memory = len(self._memory) + len(self._refused)
        return not in_memory and not self._sends_on_disk
