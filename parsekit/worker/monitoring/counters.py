"""What one process of a worker publishes of itself."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from parsekit.host.plugin_metrics import PluginMeasures
from parsekit.metrics import Metric
from parsekit.model import Outcome
from parsekit.worker.monitoring.announcement import MetricsSnapshot
from parsekit.worker.monitoring.families import (
    LISTENER_LOST,
    LONGEST,
    OWN_WAITING,
    RUNNING,
    RUNS,
    SHADOW,
)
from parsekit.worker.monitoring.task_counters import TaskCounters
from parsekit.worker.monitoring.waits import Wait, Waits

if TYPE_CHECKING:
    from parsekit.config.settings import HostSettings
    from parsekit.host.host import Host
    from parsekit.worker.process import Process

#: So many waiting tasks are named by each process; the others are only counted.
MAX_TOLD = 50


class ProcessNumbers:
    """Counts and reads them. Make it after a fork: another thread may hold a lock during one."""

    def __init__(self, process: Process, host: Host, chosen: HostSettings) -> None:
        self._process = process
        self._plugins = PluginMeasures(host)
        self._tallies = TaskCounters(chosen.parser)
        for name in chosen.fallback:
            self._tallies.expect(name)
        self._waits = Waits()
        #: When a task was last served by the storage, seconds since 1970.
        self.served_unix = 0.0

    def count(self, outcome: Outcome) -> None:
        """Count a task that ended; one that ended well has read its result or stored it."""
        self._tallies.count(outcome)
        if outcome.ok:
            self.served_unix = time.time()

    def note_wait(self, task_id: str, replay: str, reason: str, after_s: float) -> None:
        """Note that a task waits, and why."""
        until = time.time() + after_s
        wait = Wait(task_id=task_id, replay=replay, reason=reason, until_unix=until)
        self._waits.note(wait)

    def note_run(self, task_id: str) -> None:
        """Note that a task runs, so it waits no more."""
        self._waits.forget(task_id)

    def now(self) -> MetricsSnapshot:
        """All that there is at this moment."""
        waits = self._waits.now()
        metrics = [
            *self._tallies.metrics(),
            *self._running(),
            OWN_WAITING.metric(len(waits)),
            *self._lost(),
            *self._shadow(),
            *self._plugins.now(),
        ]
        return MetricsSnapshot(metrics=tuple(metrics), waits=tuple(waits[:MAX_TOLD]))

    def _running(self) -> list[Metric]:
        running = self._process.running
        return [
            RUNNING.metric(running.count),
            LONGEST.metric(running.longest_s),
            RUNS.metric(running.runs),
        ]

    def _lost(self) -> list[Metric]:
        pipeline = self._process.made_pipeline
        if pipeline is None:
            return []
        return [
            LISTENER_LOST.metric(lost, listener=owner)
            for owner, lost in pipeline.listeners.lost.items()
        ]

    def _shadow(self) -> list[Metric]:
        pipeline = self._process.made_pipeline
        if pipeline is None or (shadow := pipeline.shadow) is None:
            return []
        return [SHADOW.metric(number, fate=fate) for fate, number in asdict(shadow.tally).items()]
