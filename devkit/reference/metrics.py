"""Every metric, from the families that the worker and our plugins declare."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import ModuleType

import parsekit.records.audit_file
import parsekit.worker.monitoring.families
import parsekit_ballchasing.metrics
import parsekit_server.metrics
import parsekit_sinks_rabbitmq.metrics
from devkit.reference.markdown import code, table
from parsekit.metrics import MetricFamily

_INTRODUCTION = """
# Metrics

What `/metrics` of a worker, and of a [server](../server.md), has ([how, and what to do about an
alert](../metrics.md)). A number of the *deployment*, or of the *token* of Ballchasing, is published
by every worker alike: take `max`, not `sum`.
"""
_MODULES: Mapping[str, ModuleType] = {
    "A worker": parsekit.worker.monitoring.families,
    "A server": parsekit_server.metrics,
    "Audit": parsekit.records.audit_file,
    "RabbitMQ": parsekit_sinks_rabbitmq.metrics,
    "Ballchasing": parsekit_ballchasing.metrics,
}


def page() -> str:
    """The page of all metrics, by who publishes them."""
    parts = [_INTRODUCTION.strip()]
    for title, module in _MODULES.items():
        parts += [
            f"## {title}",
            table(("metric", "kind", "of", "labels", "meaning"), _rows(module)),
        ]
    return "\n\n".join(parts)


def _rows(module: ModuleType) -> Iterator[tuple[str, ...]]:
    for family in vars(module).values():
        if isinstance(family, MetricFamily):
            labels = ", ".join(map(code, family.labels))
            yield code(family.name), family.kind, family.owner, labels, family.help
