"""What a worker says of itself, as it travels: `parsekit top` loads little else."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import msgspec

from parsekit.metrics import Metric, MetricFamily
from parsekit.worker.monitoring.waits import Wait

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsSnapshot:
    """The numbers of one process, or of several together, and some of the tasks that wait."""

    metrics: tuple[Metric, ...] = ()
    waits: tuple[Wait, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """For another process."""
        return {
            "metrics": [metric.to_json() for metric in self.metrics],
            "waits": [asdict(wait) for wait in self.waits],
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> MetricsSnapshot:
        """Read what `to_json` wrote."""
        return cls(
            metrics=tuple(map(Metric.from_json, document["metrics"])),
            waits=tuple(Wait(**wait) for wait in document["waits"]),
        )

    def value(self, family: MetricFamily) -> float:
        """The value of a metric without labels, 0 when there is none."""
        found = (m.value for m in self.metrics if m.name == family.name and not m.labels)
        return next(found, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """One worker at one moment. ``tasks_per_minute`` is of the last minute."""

    worker: str
    at_unix: float
    pool: str
    parser: str
    queues: tuple[str, ...]
    tasks_per_minute: float
    snapshot: MetricsSnapshot

    def to_text(self) -> str:
        """JSON. Buckets are left out: nobody who listens draws a histogram."""
        snapshot = MetricsSnapshot(
            metrics=tuple(m for m in self.snapshot.metrics if m.kind != "histogram"),
            waits=self.snapshot.waits,
        )
        return json.dumps(
            {
                "worker": self.worker,
                "at_unix": self.at_unix,
                "pool": self.pool,
                "parser": self.parser,
                "queues": self.queues,
                "tasks_per_minute": self.tasks_per_minute,
                "snapshot": snapshot.to_json(),
            }
        )

    @classmethod
    def from_text(cls, text: str | bytes) -> Announcement:
        """Read what `to_text` wrote; what a newer version says beside it is passed over.

        Raises ValueError or RecursionError for anything else. A number may be NaN, which msgspec's
        own reader of JSON refuses.
        """
        return msgspec.convert(json.loads(text), cls)


def announcements_in(texts: Iterable[bytes | None]) -> list[Announcement]:
    """The last of each worker, by name; one that is gone or can't be read hides no other."""
    found: dict[str, Announcement] = {}
    for text in texts:
        if text is None:
            continue
        try:
            announcement = Announcement.from_text(text)
        except (ValueError, RecursionError) as exc:
            log.debug("what a worker says can't be read: %s", exc)
        else:
            found[announcement.worker] = announcement
    return [found[name] for name in sorted(found)]
