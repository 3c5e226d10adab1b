"""What was sent, sent late and lost, as counts of a process and as numbers for ``/metrics``."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from parsekit import Metric, MetricFamily
from parsekit_sinks_rabbitmq.message import DeliveryStatus, Kind, Message

log = logging.getLogger("parsekit.rabbitmq")

_SINK = "rabbitmq"

SENT = MetricFamily(
    name="parsekit_sink_sent_total",
    help="Events that RabbitMQ confirmed.",
    kind="counter",
    labels=("sink", "kind"),
)
LATE = MetricFamily(
    name="parsekit_sink_late_total",
    help="Of the events that RabbitMQ confirmed, those of more than two seconds ago.",
    kind="counter",
    labels=("sink", "kind"),
)
LOSSES = MetricFamily(
    name="parsekit_sink_lost_total",
    help="Events that were given up.",
    kind="counter",
    labels=("sink", "kind", "reason"),
)
WAITING = MetricFamily(
    name="parsekit_sink_waiting_messages", help="Events in memory.", labels=("sink",)
)
SPOOLED = MetricFamily(
    name="parsekit_sink_spooled_bytes",
    help="Bytes of analytics on disk that are not sent yet.",
    labels=("sink",),
)

#: A message confirmed this many seconds after parsekit reported it counts as late.
LATE_S = 2.0

#: Why a message was given up.
#:
#: - ``buffer_full``: no room in memory while RabbitMQ was away
#: - ``spool_full``: no room for analytics on the disk
#: - ``expired``: the end of a task that was reported ten minutes ago
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


#: Statuses of what is not to be sent again, and how they are counted.
LOST: dict[DeliveryStatus, Reason] = {
    DeliveryStatus.REJECTED: "rejected",
    DeliveryStatus.UNROUTABLE: "unroutable",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Messages of one kind since the process began; ``sent`` includes the late ones."""

    sent: int
    late: int
    dropped: Mapping[Reason, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkSnapshot:
    """The sinks of one process at one moment.

    ``waiting`` messages are in memory, ``spooled_bytes`` on the disk alone: analytics, and what
    dead processes left. ``connected`` says whether a connection stands.
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
        late = time.time() - message.created_unix > LATE_S
        with self._lock:
            self._sent[message.kind] += 1
            self._late[message.kind] += late

    def dropped(self, kind: Kind, reason: Reason, detail: str, count: int = 1) -> None:
        """Count what was given up; the first of each reason is logged with its detail."""
        with self._lock:
            first = count > 0 and not self._dropped[kind, reason]
            self._dropped[kind, reason] += count
        if first:
            log.warning(
                "lost a message of %s (%s): %s; more are only counted", kind, reason, detail
            )

    def of(self, kind: Kind) -> Counts:
        """The counts of one kind."""
        with self._lock:
            dropped = {r: n for (owner, r), n in self._dropped.items() if owner == kind and n}
            return Counts(sent=self._sent[kind], late=self._late[kind], dropped=dropped)


def metrics_of(snapshot: SinkSnapshot) -> Iterator[Metric]:
    """The numbers of one process."""
    for kind, counts in (("progress", snapshot.progress), ("analytics", snapshot.analytics)):
        yield SENT.metric(counts.sent, sink=_SINK, kind=kind)
        yield LATE.metric(counts.late, sink=_SINK, kind=kind)
        for reason in get_args(Reason):
            lost = counts.dropped.get(reason, 0)
            yield LOSSES.metric(lost, sink=_SINK, kind=kind, reason=reason)
    yield WAITING.metric(snapshot.waiting, sink=_SINK)
    yield SPOOLED.metric(snapshot.spooled_bytes, sink=_SINK)
