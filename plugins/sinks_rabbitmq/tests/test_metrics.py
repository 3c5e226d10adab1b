"""The numbers that the plugin offers for ``/metrics``."""

from __future__ import annotations

import pytest

from parsekit_sinks_rabbitmq.metrics import Counters, Counts, SinkSnapshot, metrics_of
from parsekit_sinks_rabbitmq.plugin import RabbitSinks

QUIET = Counts(sent=0, late=0, dropped={})


def test_losses_are_counted_by_kind_and_reason_and_zeros_too() -> None:
    lossy = Counts(sent=9, late=2, dropped={"buffer_full": 3})
    shot = SinkSnapshot(progress=lossy, analytics=QUIET, waiting=4, spooled_bytes=5, connected=True)
    lost = {
        (m.labels["kind"], m.labels["reason"]): m.value
        for m in metrics_of(shot)
        if m.name == "parsekit_sink_lost_total"
    }
    assert lost["progress", "buffer_full"] == 3
    assert lost["analytics", "buffer_full"] == 0
    others = {m.name: m.value for m in metrics_of(shot) if "kind" not in m.labels}
    assert others == {"parsekit_sink_waiting_messages": 4, "parsekit_sink_spooled_bytes": 5}


def test_a_process_that_sent_nothing_has_no_metrics() -> None:
    assert list(RabbitSinks().parsekit_metrics()) == []


def test_only_the_first_loss_of_a_reason_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    counters = Counters()
    counters.dropped("analytics", "damaged", "nothing yet", 0)
    counters.dropped("analytics", "damaged", "three lines", 3)
    counters.dropped("analytics", "damaged", "one more")
    assert counters.of("analytics").dropped == {"damaged": 4}
    assert ["three lines" in text for text in caplog.messages] == [True]
