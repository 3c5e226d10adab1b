"""What a whole worker publishes: its processes together, its servers, the queues."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from importlib.metadata import version

from parsekit.metrics import Metric
from parsekit.worker.celery_settings import longest_run_s
from parsekit.worker.monitoring.announcement import MetricsSnapshot
from parsekit.worker.monitoring.children import Children, together
from parsekit.worker.monitoring.counters import ProcessNumbers
from parsekit.worker.monitoring.families import (
    BUILD_INFO,
    LONGEST,
    MESSAGES,
    RUN_LIMIT,
    RUNNING,
    RUNS,
    SERVER_UP,
    SLOTS,
    TAKEN,
)
from parsekit.worker.monitoring.queue_stats import Queues, dequeued
from parsekit.worker.process import service

#: Who asks twice within this time gets the same answer, seconds.
_FRESH_S = 1.0


class WorkerNumbers:
    """Made by the process that consumes. ``away`` names the servers that do not answer."""

    def __init__(
        self,
        own: ProcessNumbers,
        children: Children,
        queues: Queues,
        away: Callable[[], dict[str, bool]],
        slots: int,
    ) -> None:
        self._own = own
        self._children = children
        self._queues = queues
        self._away = away
        self._slots = slots
        self._version = version("parsekit")
        self._lock = threading.Lock()
        self._last = (float("-inf"), MetricsSnapshot())

    def now(self) -> MetricsSnapshot:
        """All that there is."""
        with self._lock:
            at, snapshot = self._last
            if time.monotonic() - at > _FRESH_S:
                snapshot = self._read()
                self._last = (time.monotonic(), snapshot)
            return snapshot

    def _read(self) -> MetricsSnapshot:
        snapshot = together([self._own.now(), *self._children.now()])
        shared = self._queues.metrics()
        taken = _taken(m.labels["queue"] for m in shared if m.name == MESSAGES.name)
        return replace(snapshot, metrics=(*snapshot.metrics, *self._state(), *taken, *shared))

    def _state(self) -> list[Metric]:
        facts = [
            BUILD_INFO.metric(1, version=self._version),
            SLOTS.metric(self._slots),
            RUN_LIMIT.metric(_run_limit_s()),
        ]
        return facts + [
            SERVER_UP.metric(not away, server=server) for server, away in self._away().items()
        ]


class PoolRunning:
    """The tasks that run in all processes of this worker, as `HealthMonitor` asks for them."""

    def __init__(self, numbers: Callable[[], MetricsSnapshot]) -> None:
        self._numbers = numbers

    @property
    def count(self) -> int:
        """How many run."""
        return int(self._numbers().value(RUNNING))

    @property
    def longest_s(self) -> float:
        """The age of the oldest run."""
        return self._numbers().value(LONGEST)

    @property
    def runs(self) -> int:
        """Runs begun so far."""
        return int(self._numbers().value(RUNS))


def _run_limit_s() -> float:
    """As `HealthMonitor` has it, which answers for the liveness of this worker."""
    return longest_run_s(service.config.limits.parse_seconds)


def _taken(queues: Iterable[str]) -> list[Metric]:
    """Of our queues only, as a message may claim any; zeros too, as a rate begins with a number."""
    taken = dequeued.total()
    return [TAKEN.metric(taken[queue], queue=queue) for queue in queues]
