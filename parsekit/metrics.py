"""What a process publishes of itself in numbers, whoever shows them.

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
#: Whose number it is: each worker or server has its own, or all publish the same one.
Owner = Literal["worker", "server", "deployment", "token"]

#: A metric of more series than this is a label gone wild; the rest is left out.
MAX_SERIES = 200
#: A number with a longer help or value of a label is left out.
MAX_TEXT = 1000

#: What a worker publishes of itself: under such a name a plugin's number would pass for it.
WORKERS_OWN = frozenset(
    f"parsekit_{name}"
    for name in (
        *("tasks_total", "runs_total", "running_tasks", "longest_run_seconds"),
        *("run_limit_seconds", "slots", "server_up", "build_info", "shadow_replays_total"),
        *("listener_lost_events_total", "waiting_tasks", "own_waiting_tasks", "dead_letters"),
        *("redis_used_bytes", "redis_limit_bytes"),
        *("queue_messages", "queue_taken_total", "queue_oldest_seconds"),
        *(f"stage_duration_seconds{part}" for part in ("", "_bucket", "_count", "_sum")),
    )
)

_NAME = re.compile(r"parsekit_[a-z0-9_]{1,100}")
_LABEL = re.compile(r"[a-z][a-z0-9_]{0,50}")
_TEXT = f"a text of at most {MAX_TEXT} characters"


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
            "value": float(self.value),  # a truth value is one too, and no number of JSON's
            "kind": self.kind,
            "labels": dict(self.labels),
            "across": self.across,
            "family": self.family,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Metric:
        """Read what `to_json` wrote."""
        return cls(**document)


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricFamily:
    """What is known of a metric before it has a value: its series differ in their labels.

    ``help`` is a sentence, ``owner`` says whose number it is. The rest is as in `Metric`.
    """

    name: str
    help: str
    kind: Kind = "gauge"
    labels: tuple[str, ...] = ()
    across: Across = "sum"
    owner: Owner = "worker"

    def metric(self, value: float, **labels: str) -> Metric:
        """One number of it."""
        return Metric(
            name=self.name,
            help=self.help,
            value=value,
            kind=self.kind,
            labels=labels,
            across=self.across,
        )


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
    return next(
        (
            f"{offered.name!r:.80}: {wish}, not {value!r:.80}"
            for fine, wish, value in _checks(offered)
            if not fine
        ),
        None,
    )


def _checks(offered: Any) -> Iterator[tuple[object, str, object]]:
    """Whether it is fine, what is wished for and what there is; each needs those before it fine."""
    name, kind, labels = offered.name, offered.kind, offered.labels
    named = isinstance(name, str) and _NAME.fullmatch(name)
    yield named, "the name is to be parsekit_ and lower-case letters", name
    yield name not in WORKERS_OWN, "the name is to be none of the worker's own", name
    yield kind in ("counter", "gauge"), "the kind is to be counter or gauge", kind
    yield name.endswith("_total") == (kind == "counter"), "counters alone end in _total", kind
    yield offered.across in ("sum", "max"), "across is to be sum or max", offered.across
    yield offered.family == "", "only a histogram is of a family", offered.family
    yield _is_text(offered.help), f"the help is to be {_TEXT}", offered.help
    yield isinstance(labels, Mapping), "the labels are to be a mapping", labels
    for label, value in labels.items():
        yield _is_text(label) and _LABEL.fullmatch(label), "labels are to be names", label
        yield _is_text(value), f"the label {label} is to be {_TEXT}", value
    yield _is_number(offered.value), "the value is to be a number that a float holds", offered.value


def _is_text(value: object) -> bool:
    """Whether the page can hold it: half of a surrogate pair has no bytes."""
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_number(value: object) -> bool:
    """Whether the page can hold it: an integer may be larger than any float."""
    if not isinstance(value, int | float):
        return False
    try:
        float(value)
    except OverflowError:
        return False
    return True


def usable(offered: Iterable[Metric], complain: Callable[[str], None]) -> Iterator[Metric]:
    """Those that can be shown; ``complain(text)`` is called for the others."""
    counts: dict[str, int] = {}
    for metric in offered:
        fault = fault_of(metric)
        if fault is None:
            counts[metric.name] = counts.get(metric.name, 0) + 1
            if counts[metric.name] > MAX_SERIES:
                fault = f"{metric.name}: more than {MAX_SERIES} series"
        if fault is None:
            # sums of integers grow too large; and the plugin may go on to use its dictionary
            yield replace(metric, value=float(metric.value), labels=dict(metric.labels))
        else:
            complain(fault)
