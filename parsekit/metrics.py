"""What a process tells of itself in numbers, whoever shows them.

Plugins offer values of `Metric` from the hook ``parsekit_metrics``; the worker shows them at
``/metrics`` and in `parsekit top`. Nothing here knows Prometheus, only its naming: names begin
with ``parsekit_`` and end in their unit, those of counters in ``_total``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Kind = Literal["counter", "gauge", "histogram"]
#: How values of several processes of one worker come to one.
Across = Literal["sum", "max"]

#: A metric of more series than this is a label gone wild; the rest is left out.
MAX_SERIES = 200

_NAME = re.compile(r"parsekit_[a-z0-9_]{1,100}")
_LABEL = re.compile(r"[a-z][a-z0-9_]{0,50}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One number. ``kind`` "counter" only grows while the process lives.

    Labels take few different values: never a task, a replay or a caller. ``across`` "max" is for
    facts that all processes share, such as what is left of a quota. A histogram is given as the
    series that Prometheus knows, ``_bucket``, ``_sum`` and ``_count``, under ``family``.
    """

    name: str
    help: str
    value: float
    kind: Kind = "gauge"
    labels: Mapping[str, str] = field(default_factory=dict)
    across: Across = "sum"
    family: str = ""

    @property
    def series(self) -> tuple[str, tuple[tuple[str, str], ...]]:
        """What tells it from all others."""
        return self.name, tuple(sorted(self.labels.items()))

    def to_json(self) -> dict[str, Any]:
        """For another process of the deployment."""
        return {
            "name": self.name,
            "help": self.help,
            "value": self.value,
            "kind": self.kind,
            "labels": dict(self.labels),
            "across": self.across,
            "family": self.family,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Metric:
        """Read what `to_json` wrote."""
        return cls(**document)


def merged(metrics: Iterable[Metric]) -> list[Metric]:
    """One for each series: counters and histograms add up, gauges as they say."""
    found: dict[object, Metric] = {}
    for metric in metrics:
        before = found.get(metric.series)
        found[metric.series] = metric if before is None else _together(before, metric)
    return list(found.values())


def _together(one: Metric, other: Metric) -> Metric:
    added = one.kind != "gauge" or one.across == "sum"
    value = one.value + other.value if added else max(one.value, other.value)
    return replace(one, value=value)


def fault_of(offered: object) -> str | None:
    """What is wrong with one that a plugin offers, None for nothing."""
    if not isinstance(offered, Metric):
        return f"{offered!r:.80} is no Metric"
    name, kind, labels = offered.name, offered.kind, offered.labels
    value: object = offered.value
    checks = (
        (_NAME.fullmatch(name), "is no name; want parsekit_ and lower-case letters"),
        (kind in ("counter", "gauge"), f"has the kind {kind!r}, want counter or gauge"),
        (name.endswith("_total") == (kind == "counter"), "counters, and no others, end in _total"),
        (all(map(_LABEL.fullmatch, labels)), f"has labels {sorted(labels)} that are no names"),
        (isinstance(value, int | float), f"has the value {value!r:.80} that is no number"),
    )
    return next((f"{name!r:.80}: {text}" for fine, text in checks if not fine), None)


def usable(offered: Iterable[Metric], complain: Callable[[str], None]) -> Iterator[Metric]:
    """Those that can be shown; ``complain(text)`` hears of the others."""
    counts: dict[str, int] = {}
    for metric in offered:
        fault = fault_of(metric)
        if fault is None:
            counts[metric.name] = counts.get(metric.name, 0) + 1
            if counts[metric.name] > MAX_SERIES:
                fault = f"{metric.name}: more than {MAX_SERIES} series"
        if fault is None:
            yield metric
        else:
            complain(fault)
