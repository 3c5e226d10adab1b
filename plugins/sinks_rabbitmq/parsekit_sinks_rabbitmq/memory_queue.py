"""Progress that waits for RabbitMQ in memory, and what each status means for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import compress

from parsekit_sinks_rabbitmq.buffer import Buffer
from parsekit_sinks_rabbitmq.connection import BrokerConnection
from parsekit_sinks_rabbitmq.journal import Journal
from parsekit_sinks_rabbitmq.message import BatchResult, DeliveryStatus, Message
from parsekit_sinks_rabbitmq.metrics import LOST, Counters, Reason

_NO_ROOM = "RabbitMQ was away for too long"


class MemoryQueue:
    """Progress, in order, bounded, and analytics that found no room on the disk.

    The ends of tasks are written down besides. ``retry_later`` takes those that a full queue
    refuses.
    """

    def __init__(
        self, journal: Journal, counters: Counters, retry_later: Callable[[Message], None]
    ) -> None:
        self._journal = journal
        self._counters = counters
        self._retry_later = retry_later
        self._buffer = Buffer()
        self._under_way = 0

    def __len__(self) -> int:
        """How many wait, or are not confirmed yet."""
        return len(self._buffer) + self._under_way

    @property
    def holds_durable(self) -> bool:
        """Whether the end of a task is among them."""
        return self._buffer.holds_durable

    @property
    def wait_s(self) -> float:
        """Seconds until the next attempt: none, or infinite when nothing waits."""
        return 0.0 if len(self) else float("inf")

    def put(self, message: Message) -> None:
        """Append, at the cost of the oldest when there is no room."""
        if message.durable:
            self._journal.add(message)
        self._lose(self._buffer.add(message), "buffer_full", _NO_ROOM)

    def flush(self, connection: BrokerConnection) -> None:
        """Send what waits, until that fails."""
        while len(self._buffer) and connection.ready():
            if not self._send(connection, self._in_time(self._buffer.take(connection.batch))):
                return

    def _send(self, connection: BrokerConnection, batch: Sequence[Message]) -> bool:
        """Send these; whether nothing of them is to be sent again."""
        self._under_way = len(batch)
        back = [message for message in batch if message.durable]  # if we stumble
        try:
            sent = connection.send(batch) if batch else BatchResult(statuses=(), error=None)
            back = self._settle(batch, sent)
        finally:
            self._under_way = 0
            self._lose(self._buffer.put_back(back), "buffer_full", _NO_ROOM)
        return not back

    def _in_time(self, batch: Sequence[Message]) -> list[Message]:
        """Without steps that might come after what another process publishes of their task."""
        late = [message.late for message in batch]
        if not any(late):
            return list(batch)
        gone = list(compress(batch, late))
        self._lose(gone, "late", "its task waits, and may have gone on elsewhere")
        return [message for message, is_late in zip(batch, late, strict=True) if not is_late]

    def abandon(self) -> None:
        """Give up what waits, as the process ends; what is written down is left to others."""
        left = self._buffer.take(len(self._buffer))
        lost = [message for message in left if not self._journal.holds(message)]
        self._lose(lost, "closed", "the process ended before")
        self._journal.close()

    def _settle(self, batch: Sequence[Message], sent: BatchResult) -> list[Message]:
        """Count the statuses; return what is to be sent again.

        A step of progress in doubt is not sent again: after a repeat the value would fall.
        """
        back, taken = [], []
        for message, status in zip(batch, sent.statuses, strict=True):
            if status is DeliveryStatus.CONFIRMED:
                self._counters.sent(message)
                taken.append(message)
            elif status is DeliveryStatus.REJECTED and message.durable:
                self._retry_later(message)
                taken.append(message)
            elif status in LOST:
                self._lose([message], LOST[status], f"queue {message.queue[:80]!r}: {status.value}")
            elif sent.refused and len(batch) == 1:
                self._lose([message], "refused", str(sent.error))
            elif status is DeliveryStatus.UNSENT or message.durable:
                back.append(message)
            else:
                self._lose([message], "unconfirmed", "the connection was lost")
        self._journal.settled(taken)  # elsewhere: with RabbitMQ, or in the retry queue
        return back

    def _lose(self, messages: Sequence[Message], reason: Reason, detail: str) -> None:
        self._journal.settled(messages)
        for message in messages:
            self._counters.dropped(message.kind, reason, detail)
