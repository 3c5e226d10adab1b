"""Ends of tasks that a caller's full queue has refused, until it takes them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from parsekit_sinks_rabbitmq.buffer import MAX_BYTES, MAX_MESSAGES
from parsekit_sinks_rabbitmq.connection import BrokerConnection, CircuitBreaker
from parsekit_sinks_rabbitmq.journal import Journal
from parsekit_sinks_rabbitmq.message import BatchResult, DeliveryStatus, Message
from parsekit_sinks_rabbitmq.metrics import Counters, Reason

#: Longest pause before a queue is asked again, seconds.
LONGEST_PAUSE_S = 5.0


class _Queue:
    """What one queue has refused, oldest first, and when to ask it again."""

    def __init__(self) -> None:
        self.breaker = CircuitBreaker(LONGEST_PAUSE_S)
        self.messages: deque[Message] = deque()


class RetryQueue:
    """Asks each queue with its oldest message, after a pause that grows, and holds up nobody else.

    They are written down in pages of their own, as they may stay until they expire. Flushed by one
    thread.
    """

    def __init__(
        self, journal: Journal, counters: Counters, most: int = MAX_MESSAGES, size: int = MAX_BYTES
    ) -> None:
        self._journal, self._counters = journal, counters
        self._most, self._size = most, size
        self._queues: dict[str, _Queue] = {}

    def __len__(self) -> int:
        """How many wait."""
        return len(self._all())

    @property
    def wait_s(self) -> float:
        """Seconds until the next attempt, infinite when nothing waits."""
        return min((q.breaker.wait_s for q in tuple(self._queues.values())), default=float("inf"))

    def put(self, message: Message) -> None:
        """Keep a message that its queue has just refused, at the cost of whoever has most here."""
        self._journal.add(message)
        queue = self._queues.setdefault(message.queue, _Queue())
        queue.messages.append(message)
        queue.breaker.failed()
        while len(waiting := self._all()) > self._most or _bytes(waiting) > self._size:
            fullest = max(self._queues.values(), key=lambda each: _bytes(each.messages))
            self._lose(fullest.messages[0], "rejected", "its queue is full, and so are we of it")

    def flush(self, connection: BrokerConnection, *, hurried: bool) -> None:
        """Ask those queues again whose pause is over; all of them, when the process ends."""
        for message in self._all():
            if message.expired:
                self._lose(
                    message, "expired", f"queue {message.queue[:80]!r} was full all the time"
                )
        due = [q for q in self._queues.values() if hurried or not q.breaker.wait_s]
        batch = [queue.messages[0] for queue in due[: connection.batch]]
        if batch and connection.ready():
            sent = connection.send(batch)
            for message, status in zip(batch, sent.statuses, strict=True):
                self._settle(message, status, sent)

    def abandon(self) -> None:
        """Give up what is not written down, as the process ends; the rest is left to others."""
        for message in self._all():
            if not self._journal.holds(message):
                self._lose(message, "closed", "the process ended before")
        self._queues.clear()
        self._journal.close()

    def _settle(self, message: Message, status: DeliveryStatus, sent: BatchResult) -> None:
        queue = self._queues.get(message.queue)
        if status is DeliveryStatus.CONFIRMED:
            self._counters.sent(message)
            self._forget(message)
        elif status is DeliveryStatus.UNROUTABLE:
            self._lose(message, "unroutable", f"queue {message.queue[:80]!r}: {status.value}")
        elif sent.refused and len(sent.statuses) == 1:
            self._lose(message, "refused", str(sent.error))
        elif status is DeliveryStatus.REJECTED and queue is not None:
            queue.breaker.failed()
            return
        if queue is not None:
            queue.breaker.succeeded()

    def _lose(self, message: Message, reason: Reason, detail: str) -> None:
        self._counters.dropped(message.kind, reason, detail)
        self._forget(message)

    def _forget(self, message: Message) -> None:
        self._journal.settled([message])
        if (queue := self._queues.get(message.queue)) is not None:
            if message in queue.messages:
                queue.messages.remove(message)
            if not queue.messages:
                del self._queues[message.queue]

    def _all(self) -> Sequence[Message]:
        queues = tuple(self._queues.values())
        return [message for queue in queues for message in tuple(queue.messages)]


def _bytes(messages: Iterable[Message]) -> int:
    return sum(len(message.body) for message in messages)
