"""What was sent, sent late and lost, for metrics and tests."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from parsekit_sinks_rabbitmq.message import Kind, Message

log = logging.getLogger("parsekit.rabbitmq")

#: A message confirmed this many seconds after parsekit was told counts as late.
LATE_S = 2.0

#: Why a message was given up.
#:
#: - ``buffer_full``: no room in memory while RabbitMQ was away
#: - ``spool_full``: no room for analytics on the disk
#: - ``expired``: the end of a task that was told ten minutes ago
#: - ``late``: a step of a task that waits, so that another process may have gone on with it
#: - ``unconfirmed``: a step of progress was under way when the connection went
#: - ``rejected``: the queue is full and refuses
#: - ``unroutable``: there is no such queue, and it could not be declared
#: - ``damaged``: a line of the spool, or the file, was cut short
#: - ``refused``: the broker never takes such a message
#: - ``bad_queue``: the caller's queue name is unusable
#: - ``not_json``: the result can't be written as JSON
#: - ``closed``: the process ended
Reason = Literal[
    "buffer_full",
    "spool_full",
    "expired",
    "late",
    "unconfirmed",
    "rejected",
    "unroutable",
    "damaged",
    "refused",
    "bad_queue",
    "not_json",
    "closed",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Messages of one kind since the process began; ``sent`` includes the late ones."""

    sent: int
    late: int
    dropped: Mapping[Reason, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The sinks of one process at one moment.

    ``waiting`` messages are in memory, ``spooled_bytes`` of analytics on disk in this process's
    own file; ``connected`` says whether a connection stands.
    """

    progress: Counts
    analytics: Counts
    waiting: int
    spooled_bytes: int
    connected: bool


class Counters:
    """Counts by kind and reason. Used from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sent: Counter[Kind] = Counter()
        self._late: Counter[Kind] = Counter()
        self._dropped: Counter[tuple[Kind, Reason]] = Counter()

    def sent(self, message: Message) -> None:
        """Count one that the broker confirmed."""
        late = time.time() - message.told_unix > LATE_S
        with self._lock:
            self._sent[message.kind] += 1
            self._late[message.kind] += late

    def dropped(self, kind: Kind, reason: Reason, detail: str) -> None:
        """Count one that was given up; the first of each reason is logged with its detail."""
        with self._lock:
            self._dropped[kind, reason] += 1
            first = self._dropped[kind, reason] == 1
        if first:
            log.warning(
                "lost a message of %s (%s): %s; more are only counted", kind, reason, detail
            )

    def of(self, kind: Kind) -> Counts:
        """The counts of one kind."""
        with self._lock:
            dropped = {reason: n for (owner, reason), n in self._dropped.items() if owner == kind}
            return Counts(sent=self._sent[kind], late=self._late[kind], dropped=dropped)
