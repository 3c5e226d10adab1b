"""The numbers that the plugin offers for ``/metrics``."""

from __future__ import annotations

from parsekit_sinks_rabbitmq.counters import Counts, Snapshot
from parsekit_sinks_rabbitmq.measures import measures
from parsekit_sinks_rabbitmq.plugin import RabbitSinks

QUIET = Counts(sent=0, late=0, dropped={})


def test_losses_are_told_by_kind_and_reason_and_zeros_too() -> None:
    lossy = Counts(sent=9, late=2, dropped={"buffer_full": 3})
    shot = Snapshot(progress=lossy, analytics=QUIET, waiting=4, spooled_bytes=5, connected=True)
    lost = {
        (m.labels["kind"], m.labels["reason"]): m.value
        for m in measures(shot)
        if m.name == "parsekit_sink_lost_total"
    }
    assert lost["progress", "buffer_full"] == 3
    assert lost["analytics", "buffer_full"] == 0
    others = {m.name: m.value for m in measures(shot) if "kind" not in m.labels}
    assert others == {"parsekit_sink_waiting_messages": 4, "parsekit_sink_spooled_bytes": 5}


def test_a_process_that_sent_nothing_tells_nothing() -> None:
    assert list(RabbitSinks().parsekit_metrics()) == []
