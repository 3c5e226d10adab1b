"""What was sent, lost and waits, as numbers for ``/metrics``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from parsekit import Metric
from parsekit_sinks_rabbitmq.counters import Counts, Reason, Snapshot

_SINK = {"sink": "rabbitmq"}


def measures(snapshot: Snapshot) -> Iterator[Metric]:
    """The numbers of one process."""
    for kind, counts in (("progress", snapshot.progress), ("analytics", snapshot.analytics)):
        yield from _of_kind(kind, counts)
    text = "Messages in memory that wait to be sent."
    yield Metric(
        name="parsekit_sink_waiting_messages", help=text, value=snapshot.waiting, labels=_SINK
    )
    text = "Bytes of events on disk that wait to be sent."
    yield Metric(
        name="parsekit_sink_spooled_bytes", help=text, value=snapshot.spooled_bytes, labels=_SINK
    )


def _of_kind(kind: str, counts: Counts) -> Iterator[Metric]:
    labels = {**_SINK, "kind": kind}
    yield _counter("sent", "Messages that the broker confirmed.", counts.sent, labels)
    yield _counter("late", "Messages that were confirmed late.", counts.late, labels)
    for reason in get_args(Reason):
        lost = counts.dropped.get(reason, 0)
        yield _counter("lost", "Messages that were given up.", lost, {**labels, "reason": reason})


def _counter(name: str, text: str, value: float, labels: dict[str, str]) -> Metric:
    name = f"parsekit_sink_{name}_total"
    return Metric(name=name, help=text, kind="counter", value=value, labels=labels)
