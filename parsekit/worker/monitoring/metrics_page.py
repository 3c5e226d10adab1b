"""Numbers as Prometheus reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector

from parsekit.metrics import Metric
from parsekit.worker.monitoring.announcement import MetricsSnapshot


def make_page(numbers: Callable[[], MetricsSnapshot]) -> Callable[[], bytes]:
    """The text of ``/metrics``, made when somebody asks; with this process's own CPU and memory."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(_Told(numbers))
    return lambda: generate_latest(registry)


class _Told(Collector):
    def __init__(self, numbers: Callable[[], MetricsSnapshot]) -> None:
        self._numbers = numbers

    def describe(self) -> Iterable[Family]:
        """Nothing: what plugins offer is known only when they are asked."""
        return ()

    def collect(self) -> Iterable[Family]:
        """Group the numbers by family."""
        families: dict[str, Family] = {}
        for metric in self._numbers().metrics:
            name = metric.family or metric.name
            if name not in families:
                families[name] = Family(name.removesuffix("_total"), metric.help, metric.kind)
            _add(families[name], metric)
        return families.values()


def _add(family: Family, metric: Metric) -> None:
    family.add_sample(metric.name, dict(metric.labels), float(metric.value))
