"""Progress that waits for RabbitMQ in memory, and what each fate means for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import compress

from parsekit_sinks_rabbitmq.buffer import Buffer
from parsekit_sinks_rabbitmq.counters import Counters, Reason
from parsekit_sinks_rabbitmq.fate import LOST, Fate, Sent
from parsekit_sinks_rabbitmq.journal import Journal
from parsekit_sinks_rabbitmq.line import Line
from parsekit_sinks_rabbitmq.message import Message

_NO_ROOM = "RabbitMQ was away for too long"


class MemoryLane:
    """Progress, in order, bounded, and analytics that found no room on the disk.

    The ends of tasks are written down besides. ``set_aside`` takes those that a full queue refuses.
    """

    def __init__(
        self, journal: Journal, counters: Counters, set_aside: Callable[[Message], None]
    ) -> None:
        self._journal = journal
        self._counters = counters
        self._set_aside = set_aside
        self._buffer = Buffer()
        self._under_way = 0

    def __len__(self) -> int:
        """How many wait, or are not confirmed yet."""
        return len(self._buffer) + self._under_way

    @property
    def holds_kept(self) -> bool:
        """Whether the end of a task is among them."""
        return self._buffer.holds_kept

    @property
    def wait_s(self) -> float:
        """Seconds until the next attempt: none, or infinite when nothing waits."""
        return 0.0 if len(self) else float("inf")

    def put(self, message: Message) -> None:
        """Append, at the cost of the oldest when there is no room."""
        if message.keep:
            self._journal.add(message)
        self._lose(self._buffer.add(message), "buffer_full", _NO_ROOM)

    def flush(self, line: Line) -> None:
        """Send what waits, until that fails."""
        while len(self._buffer) and line.ready():
            if not self._send(line, self._in_time(self._buffer.take(line.batch))):
                return

    def _send(self, line: Line, batch: Sequence[Message]) -> bool:
        """Send these; whether nothing of them is to be sent again."""
        self._under_way = len(batch)
        back = [message for message in batch if message.keep]  # if we stumble
        try:
            sent = line.send(batch) if batch else Sent(fates=(), error=None)
            back = list(batch) if sent is None else self._settle(batch, sent)
        finally:
            self._under_way = 0
            self._lose(self._buffer.give_back(back), "buffer_full", _NO_ROOM)
        return not back

    def _in_time(self, batch: Sequence[Message]) -> list[Message]:
        """Without steps that might come after what another process tells of their task."""
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

    def _settle(self, batch: Sequence[Message], sent: Sent) -> list[Message]:
        """Count the fates; answer what is to be sent again.

        A step of progress in doubt is not sent again: after a repeat the value would fall.
        """
        back, taken = [], []
        for message, fate in zip(batch, sent.fates, strict=True):
            if fate is Fate.TAKEN:
                self._counters.sent(message)
                taken.append(message)
            elif fate is Fate.REJECTED and message.keep:
                self._set_aside(message)
                taken.append(message)
            elif fate in LOST:
                self._lose([message], LOST[fate], f"queue {message.queue[:80]!r}: {fate.value}")
            elif sent.refused and len(batch) == 1:
                self._lose([message], "refused", str(sent.error))
            elif fate is Fate.UNSENT or message.keep:
                back.append(message)
            else:
                self._lose([message], "unconfirmed", "the connection was lost")
        self._journal.settled(taken)  # elsewhere: with RabbitMQ, or put aside
        return back

    def _lose(self, messages: Sequence[Message], reason: Reason, detail: str) -> None:
        self._journal.settled(messages)
        for message in messages:
            self._counters.dropped(message.kind, reason, detail)
