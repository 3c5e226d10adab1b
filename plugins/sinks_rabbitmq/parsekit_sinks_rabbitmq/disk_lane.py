"""What waits for RabbitMQ on the disk, and what each fate means for it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from parsekit_sinks_rabbitmq.breaker import Breaker
from parsekit_sinks_rabbitmq.counters import Counters
from parsekit_sinks_rabbitmq.fate import LOST, Fate, Sent
from parsekit_sinks_rabbitmq.line import Line
from parsekit_sinks_rabbitmq.message import Message
from parsekit_sinks_rabbitmq.orphans import Orphans
from parsekit_sinks_rabbitmq.segment import Unsent
from parsekit_sinks_rabbitmq.spool import Spool, SpoolFull

log = logging.getLogger("parsekit.rabbitmq")

#: How often spool files of processes that died are looked for, seconds.
ADOPT_S = 30.0
#: How often the spool is flushed to the disk while it is not empty, seconds.
SYNC_S = 1.0


class DiskLane:
    """What stands in files, in order, until the broker has it. ``queue`` is that of analytics.

    A lane for itself has what dead processes left of the ends of tasks: a queue that takes no
    analytics does not hold them up.
    """

    def __init__(
        self,
        files: Spool | Orphans,
        queue: str,
        counters: Counters,
        set_aside: Callable[[Message], None],
    ) -> None:
        self._files, self._queue, self._counters = files, queue, counters
        self._set_aside = set_aside
        self._breaker = Breaker()
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
        return self._breaker.tripped

    @property
    def wait_s(self) -> float:
        """Seconds until the next attempt, infinite when nothing waits."""
        return self._breaker.wait_s if self._files.unsent_bytes else float("inf")

    def flush(self, line: Line) -> None:
        """Send what waits, until that fails, and what dead processes left."""
        self.sync()
        try:
            self._adopt()
            while not self._breaker.wait_s and self._send_some(line):
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

    def _send_some(self, line: Line) -> bool:
        """Send a batch of the oldest segment; whether all went well and there may be more."""
        segment = self._files.first()
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
        elif fate in LOST and message.kind == "progress":  # holds up nobody else's
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
        self._counters.dropped(message.kind, LOST[fate], detail)

    def _refused(self, fate: Fate) -> None:
        if fate not in LOST:
            return
        if not self._breaker.tripped:
            log.warning("queue %r takes no analytics: %s; they wait", self._queue, fate.value)
        self._breaker.failed()


class AnalyticsLane(DiskLane):
    """Analytics, on the disk from when they are told, and those of processes that died."""

    def __init__(
        self, spool: Spool, queue: str, counters: Counters, set_aside: Callable[[Message], None]
    ) -> None:
        super().__init__(spool, queue, counters, set_aside)
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
