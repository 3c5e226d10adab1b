"""What a server publishes of itself in numbers."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from typing import Literal

from parsekit import Metric, MetricFamily


def _family(name: str, text: str, *labels: str) -> MetricFamily:
    kind: Literal["counter", "gauge"] = "counter" if name.endswith("_total") else "gauge"
    return MetricFamily(
        name=f"parsekit_serve_{name}", help=text, kind=kind, labels=labels, owner="server"
    )


CALLS = _family("calls_total", "Calls that were answered, by the kind of status.", "status")
CALL_SECONDS = _family("call_seconds_total", "Seconds until their answers began.", "status")
UPLOADS = _family("uploads_total", "Uploads: accepted, or duplicate.", "verdict")
PARSES = _family(
    "parses_total",
    "Parses that ended: ok, failed for good, or postponed, with the published code.",
    "outcome",
    "code",
)
REPLAYS = _family("replays", "Replays in the catalogue, by status.", "status")
OLDEST = _family("oldest_pending_seconds", "For how long the oldest replay waits for its parse.")
RUNNING = _family("running_parses", "Parses that run.")
SLOTS = _family("slots", "Parses that may run at once.")
CATALOGUE_UP = _family("catalogue_up", "1 when the catalogue answers.")
DISK_FREE = _family("disk_free_bytes", "What may still be written where replays are kept.")
READ_ONLY = _family("read_only", "1 while uploads are refused, as the disk is full.")


class ServerCounters:
    """Counters that any thread adds to."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[tuple[MetricFamily, tuple[tuple[str, str], ...]], float] = {}

    def add(self, family: MetricFamily, value: float = 1, **labels: str) -> None:
        """Add to one series."""
        series = family, tuple(sorted(labels.items()))
        with self._lock:
            self._counts[series] = self._counts.get(series, 0) + value

    def metrics(self) -> list[Metric]:
        """Every series that was added to."""
        with self._lock:
            return [
                family.metric(value, **dict(labels))
                for (family, labels), value in self._counts.items()
            ]


def text_of(metrics: Iterable[Metric]) -> str:
    """The numbers as Prometheus reads them."""
    families: dict[str, list[Metric]] = {}
    for metric in metrics:
        families.setdefault(metric.name, []).append(metric)
    return "".join(line for family in families.values() for line in _lines(family))


def _lines(family: list[Metric]) -> Iterator[str]:
    first = family[0]
    yield f"# HELP {first.name} {_escaped(first.help)}\n# TYPE {first.name} {first.kind}\n"
    for metric in family:
        labels = ",".join(f'{name}="{_escaped(value)}"' for name, value in metric.labels.items())
        shown = f"{{{labels}}}" if labels else ""
        yield f"{metric.name}{shown} {float(metric.value)!r}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
