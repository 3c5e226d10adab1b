"""What waits for RabbitMQ, and what each fate means for it: one lane in memory, one on the disk."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from itertools import compress
from pathlib import Path

from parsekit_sinks_rabbitmq.breaker import Breaker
from parsekit_sinks_rabbitmq.buffer import Buffer
from parsekit_sinks_rabbitmq.counters import Counters, Reason
from parsekit_sinks_rabbitmq.fate import Fate, Sent
from parsekit_sinks_rabbitmq.journal import Journal
from parsekit_sinks_rabbitmq.line import Line
from parsekit_sinks_rabbitmq.message import Message
from parsekit_sinks_rabbitmq.segment import Unsent
from parsekit_sinks_rabbitmq.spool import Spool, SpoolFull

log = logging.getLogger("parsekit.rabbitmq")

#: How often spool files of processes that died are looked for, seconds.
ADOPT_S = 30.0
#: How often the spool is flushed to the disk while it is not empty, seconds.
SYNC_S = 1.0

_NO_ROOM = "RabbitMQ was away for too long"
_LOST: dict[Fate, Reason] = {Fate.REJECTED: "rejected", Fate.UNROUTABLE: "unroutable"}


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
            elif fate in _LOST:
                self._lose([message], _LOST[fate], f"queue {message.queue[:80]!r}: {fate.value}")
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


class DiskLane:
    """Analytics, in order, on the disk from when they are told until the broker has them.

    Also what processes that died have left, the ends of their tasks among it.
    """

    def __init__(
        self, spool: Spool, queue: str, counters: Counters, set_aside: Callable[[Message], None]
    ) -> None:
        self._spool, self._queue, self._counters = spool, queue, counters
        self._set_aside = set_aside
        self._breaker = Breaker()
        #: Messages that were taken though one before them was not: file, and offset behind.
        self._ahead: set[tuple[Path, int]] = set()
        self._unwritable = False
        self._adopted_at = self._synced_at = float("-inf")

    @property
    def unsent_bytes(self) -> int:
        """Size of what waits."""
        return self._spool.unsent_bytes

    @property
    def tripped(self) -> bool:
        """Whether the queue or the disk refused lately."""
        return self._breaker.tripped

    @property
    def wait_s(self) -> float:
        """Seconds until the next attempt, infinite when nothing waits."""
        return self._breaker.wait_s if self._spool.unsent_bytes else float("inf")

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

    def flush(self, line: Line) -> None:
        """Send what waits, until that fails; from time to time also what dead processes left."""
        self.sync()
        try:
            self._adopt()
            while not self._breaker.wait_s and self._send_some(line):
                self._breaker.succeeded()
        except OSError as exc:
            log.warning("the spool of analytics can't be read or written: %s", exc)
            self._breaker.failed()

    def sync(self) -> None:
        """Have the disk take what waits, if it is time; also called while a broker lets us wait."""
        now = time.monotonic()
        if not self._spool.unsent_bytes or now - self._synced_at < SYNC_S:
            return
        self._synced_at = now
        try:
            self._spool.sync()
        except OSError as exc:
            log.warning("the spool of analytics can't be flushed: %s", exc)

    def close(self) -> None:
        """Leave what was not sent to other processes."""
        self._spool.close()

    def _adopt(self) -> None:
        now = time.monotonic()
        if now - self._adopted_at > ADOPT_S:
            self._adopted_at = now
            self._spool.adopt()

    def _send_some(self, line: Line) -> bool:
        """Send a batch of the oldest segment; whether all went well and there may be more."""
        segment = self._spool.first()
        if segment is None or not line.ready():
            return False
        unsent = segment.unsent(self._queue, 1 if self._breaker.tripped else line.batch)
        over = [self._is_over(message, segment.path, end) for message, end in unsent.messages]
        fresh = [
            message for (message, _), gone in zip(unsent.messages, over, strict=True) if not gone
        ]
        sent = line.send(fresh) if fresh else Sent(fates=(), error=None)
        done = self._settled(segment.path, unsent, over, sent) if sent else 0
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

    def _settled(self, path: Path, unsent: Unsent, over: Sequence[bool], sent: Sent) -> int:
        """The offset up to which nothing is to be sent again, 0 when the first one is.

        What was settled behind that is remembered, so that it is neither sent nor counted twice.
        """
        done, held_up, fates = 0, False, iter(sent.fates)
        for (message, end), gone in zip(unsent.messages, over, strict=True):
            known = (path, end) in self._ahead
            if gone and not known:
                self._counters.dropped(message.kind, "expired", f"message {message.message_id}")
            if not gone and not self._is_settled(message, next(fates), sent):
                held_up = True
            elif held_up:
                self._ahead.add((path, end))
            else:
                self._ahead.discard((path, end))
                done = end
        return done if held_up else unsent.end

    def _is_settled(self, message: Message, fate: Fate, sent: Sent) -> bool:
        """Count what became of it; False when it is to be sent again."""
        if fate is Fate.TAKEN:
            self._counters.sent(message)
        elif sent.hopeless and len(sent.fates) == 1:
            self._counters.dropped(message.kind, "refused", str(sent.error))
        elif fate in _LOST and message.kind == "progress":  # holds up nobody else's
            self._give_up(message, fate)
        else:
            self._refused(fate)
            return False
        return True

    def _give_up(self, message: Message, fate: Fate) -> None:
        if fate is Fate.REJECTED:
            self._set_aside(message)
            return
        detail = f"queue {message.queue[:80]!r}: {fate.value}"
        self._counters.dropped(message.kind, _LOST[fate], detail)

    def _refused(self, fate: Fate) -> None:
        if fate not in _LOST:
            return
        if not self._breaker.tripped:
            log.warning("queue %r takes no analytics: %s; they wait", self._queue, fate.value)
        self._breaker.failed()
