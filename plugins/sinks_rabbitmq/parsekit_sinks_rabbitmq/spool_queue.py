"""What waits for RabbitMQ on the disk, and what each status means for it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from parsekit_sinks_rabbitmq.connection import BrokerConnection, CircuitBreaker
from parsekit_sinks_rabbitmq.message import BatchResult, DeliveryStatus, Message
from parsekit_sinks_rabbitmq.metrics import LOST, Counters
from parsekit_sinks_rabbitmq.segment import Unsent
from parsekit_sinks_rabbitmq.spool import Orphans, Spool, SpoolFull

log = logging.getLogger("parsekit.rabbitmq")

#: How often spool files of processes that died are looked for, seconds.
ADOPT_S = 30.0
#: How often the spool is flushed to the disk while it is not empty, seconds.
SYNC_S = 1.0


class SpoolQueue:
    """What stands in files, in order, until the broker has it. ``queue`` is that of analytics.

    A queue for itself has what dead processes left of the ends of tasks: a queue that takes no
    analytics does not hold them up.
    """

    def __init__(
        self,
        files: Spool | Orphans,
        queue: str,
        counters: Counters,
        retry_later: Callable[[Message], None],
    ) -> None:
        self._files, self._queue, self._counters = files, queue, counters
        self._retry_later = retry_later
        self._breaker = CircuitBreaker()
        #: Messages that were taken though one before them was not: file, and offset behind.
        self._ahead: set[tuple[Path, int]] = set()
        self._adopted_at = self._synced_at = float("-inf")

    @property
    def unsent_bytes(self) -> int:
        """Size of what waits."""
        return self._files.unsent_bytes

    @property
    def tripped(self) -> bool:
        """Whether the queue or the disk refused lately."""
        return self._breaker.failing

    @property
    def wait_s(self) -> float:
        """Seconds until the next attempt, infinite when nothing waits."""
        return self._breaker.wait_s if self._files.unsent_bytes else float("inf")

    def flush(self, connection: BrokerConnection) -> None:
        """Send what waits, until that fails, and what dead processes left."""
        self.sync()
        try:
            self._adopt()
            while not self._breaker.wait_s and self._send_some(connection):
                self._breaker.succeeded()
                self._adopt()
        except OSError as exc:
            log.warning("the spool can't be read or written: %s", exc)
            self._breaker.failed()

    def sync(self) -> None:
        """Have the disk take what waits, if it is time; also called while a broker lets us wait."""
        now = time.monotonic()
        if not self._files.unsent_bytes or now - self._synced_at < SYNC_S:
            return
        self._synced_at = now
        try:
            self._files.sync()
        except OSError as exc:
            log.warning("the spool can't be flushed: %s", exc)

    def close(self) -> None:
        """Leave what was not sent to other processes."""
        self._files.close()

    def _adopt(self) -> None:
        now = time.monotonic()
        if now - self._adopted_at > ADOPT_S or self._files.wants_more:
            self._adopted_at = now
            for _ in range(self._files.adopt()):
                self._counters.dropped("progress", "expired", "a process that died has left it")

    def _send_some(self, connection: BrokerConnection) -> bool:
        """Send a batch of the oldest segment; whether all went well and there may be more."""
        segment = self._files.first()
        if segment is None or not connection.ready():
            return False
        unsent = segment.unsent(self._queue, 1 if self._breaker.failing else connection.batch)
        over = [self._is_over(message, segment.path, end) for message, end in unsent.messages]
        fresh = [
            message for (message, _), gone in zip(unsent.messages, over, strict=True) if not gone
        ]
        sent = connection.send(fresh) if fresh else BatchResult(statuses=(), error=None)
        done = self._settled(segment.path, unsent, over, sent)
        if done:
            segment.mark_sent(done)
        if done != unsent.end:
            return False
        for _ in range(unsent.damaged):
            self._counters.dropped("analytics", "damaged", str(segment.path))
        return True

    def _is_over(self, message: Message, path: Path, end: int) -> bool:
        """Whether it is not to be sent: it was, or nobody waits for it any more."""
        return message.expired or (path, end) in self._ahead

    def _settled(self, path: Path, unsent: Unsent, over: Sequence[bool], sent: BatchResult) -> int:
        """The offset up to which nothing is to be sent again, 0 when the first one is.

        What was settled behind that is remembered, so that it is neither sent nor counted twice.
        """
        done, held_up, statuses = 0, False, iter(sent.statuses)
        for (message, end), gone in zip(unsent.messages, over, strict=True):
            known = (path, end) in self._ahead
            if gone and not known:
                self._counters.dropped(message.kind, "expired", f"message {message.message_id}")
            if not gone and not self._is_settled(message, next(statuses), sent):
                held_up = True
            elif held_up:
                self._ahead.add((path, end))
            else:
                self._ahead.discard((path, end))
                done = end
        return done if held_up else unsent.end

    def _is_settled(self, message: Message, status: DeliveryStatus, sent: BatchResult) -> bool:
        """Count what became of it; False when it is to be sent again."""
        if status is DeliveryStatus.CONFIRMED:
            self._counters.sent(message)
        elif sent.hopeless and len(sent.statuses) == 1:
            self._counters.dropped(message.kind, "refused", str(sent.error))
        elif status in LOST and message.kind == "progress":  # holds up nobody else's
            self._retry_or_drop(message, status)
        else:
            self._refused(status)
            return False
        return True

    def _retry_or_drop(self, message: Message, status: DeliveryStatus) -> None:
        if status is DeliveryStatus.REJECTED:
            self._retry_later(message)
            return
        detail = f"queue {message.queue[:80]!r}: {status.value}"
        self._counters.dropped(message.kind, LOST[status], detail)

    def _refused(self, status: DeliveryStatus) -> None:
        if status not in LOST:
            return
        if not self._breaker.failing:
            log.warning("queue %r takes no analytics: %s; they wait", self._queue, status.value)
        self._breaker.failed()


class AnalyticsQueue(SpoolQueue):
    """Analytics, on the disk from when they are reported, and those of processes that died."""

    def __init__(
        self, spool: Spool, queue: str, counters: Counters, retry_later: Callable[[Message], None]
    ) -> None:
        super().__init__(spool, queue, counters, retry_later)
        self._spool = spool
        self._unwritable = False

    def put(self, message: Message) -> bool:
        """Write it down; False when the disk does not take it."""
        try:
            self._spool.append(message)
        except SpoolFull as exc:
            self._counters.dropped(message.kind, "spool_full", str(exc))
        except (OSError, ValueError) as exc:
            if not self._unwritable:
                log.warning("analytics wait in memory, as the spool can't be written: %s", exc)
            self._unwritable = True
            return False
        self._unwritable = False
        return True
