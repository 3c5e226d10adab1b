"""What ``/metrics`` shows of this worker."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from parsekit.model import Outcome
    from parsekit.worker.vitals import Vitals

registry = CollectorRegistry()
_tasks = Counter(
    "parsekit_tasks", "Tasks that ended, by result.", ["outcome", "parser"], registry=registry
)
_seconds = Histogram(
    "parsekit_task_seconds",
    "From first delivery to end, waits included.",
    buckets=(0.01, 0.05, 0.25, 1, 5, 15, 60, 300, 900),
    registry=registry,
)


def count(outcome: Outcome) -> None:
    """Count a task that ended."""
    cached = "cached" if outcome.cached else "parsed"
    label = outcome.failure.code if outcome.failure else cached
    _tasks.labels(outcome=label, parser=outcome.parser).inc()
    _seconds.observe(outcome.timings.total_ms / 1000)


class VitalsCollector(Collector):
    """Numbers that are taken when somebody asks."""

    def __init__(self, vitals: Vitals) -> None:
        self._vitals = vitals

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Answer them."""
        beat = self._vitals.now()
        numbers = {
            "parsekit_running_tasks": ("Tasks that run in this worker.", beat.running),
            "parsekit_waiting_messages": (
                "Messages that wait to be taken.",
                self._vitals.waiting_messages,
            ),
            "parsekit_longest_run_seconds": ("Age of the oldest run.", beat.longest_run_s),
            "parsekit_ready": ("1 when all servers answer.", 0 if beat.away else 1),
        }
        for name, (text, value) in numbers.items():
            yield GaugeMetricFamily(name, text, value)
