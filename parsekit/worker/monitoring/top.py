"""The whole deployment at one moment, from what its workers say: for ``parsekit top``."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from parsekit.metrics import Metric, MetricFamily, merged
from parsekit.worker.monitoring.announcement import Announcement
from parsekit.worker.monitoring.families import (
    BUILD_INFO,
    DEAD_LETTERS,
    LONGEST,
    MESSAGES,
    OLDEST,
    OWN_WAITING,
    RUNNING,
    RUNS,
    SERVER_UP,
    SLOTS,
    TASKS,
    WAITING,
)
from parsekit.worker.monitoring.waits import Wait

#: So many waiting tasks are named.
MAX_WAITS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerLine:
    """One worker. ``away`` names the servers that do not answer it."""

    name: str
    parser: str
    pool: str
    queues: tuple[str, ...]
    running: int
    slots: int
    longest_run_s: float
    tasks: int
    failed: int
    cached: int
    tasks_per_minute: float
    away: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLine:
    """One queue: messages that wait to be taken, and for how long the oldest of them."""

    name: str
    messages: int
    oldest_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FactLine:
    """Any other number, under its metric's name: budget, breakers, sinks, losses.

    ``help`` is what it counts, in words.
    """

    name: str
    help: str
    labels: dict[str, str]
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All of it. ``waiting`` counts every waiting task, ``waits`` names the next ones.

    ``misplaced`` are messages in Celery's default queue, which no worker of ours takes.
    """

    at_unix: float
    workers: tuple[WorkerLine, ...]
    queues: tuple[QueueLine, ...]
    waiting: int
    waits: tuple[Wait, ...]
    dead_letters: int
    facts: tuple[FactLine, ...]
    misplaced: int = 0

    def to_json(self) -> dict[str, Any]:
        """The form of ``--format json``, in which null is a number that a plugin does not know."""
        return {name: _spoken(value) for name, value in asdict(self).items()}


def snapshot_of(announcements: list[Announcement], misplaced: int = 0) -> Snapshot:
    """Put together what the workers said. Shared numbers are published by each: the most counts."""
    metrics = [metric for each in announcements for metric in each.snapshot.metrics]
    waits = {wait.task_id: wait for each in announcements for wait in each.snapshot.waits}
    next_waits = sorted(waits.values(), key=lambda wait: wait.until_unix)
    return Snapshot(
        at_unix=time.time(),
        workers=tuple(map(_worker, announcements)),
        queues=tuple(_queues(metrics)),
        waiting=max(len(waits), _whole(_waiting(metrics))),
        waits=tuple(next_waits[:MAX_WAITS]),
        dead_letters=_whole(_most(metrics, DEAD_LETTERS)),
        facts=tuple(_facts(metrics)),
        misplaced=misplaced,
    )


def _worker(announcement: Announcement) -> WorkerLine:
    by_outcome: dict[str, float] = defaultdict(float)
    for metric in announcement.snapshot.metrics:
        if metric.name == TASKS.name:  # of a newer version perhaps, with labels of its own
            by_outcome[metric.labels.get("outcome", "")] += metric.value
    servers = [m for m in announcement.snapshot.metrics if m.name == SERVER_UP.name]
    return WorkerLine(
        name=announcement.worker,
        parser=announcement.parser,
        pool=announcement.pool,
        queues=announcement.queues,
        running=_whole(announcement.snapshot.value(RUNNING)),
        slots=_whole(announcement.snapshot.value(SLOTS)),
        longest_run_s=round(announcement.snapshot.value(LONGEST), 1),
        tasks=_whole(sum(by_outcome.values())),
        failed=_whole(by_outcome["failed"]),
        cached=_whole(by_outcome["cached"]),
        tasks_per_minute=round(announcement.tasks_per_minute, 1),
        away=tuple(m.labels.get("server", "") for m in servers if not m.value),
    )


def _queues(metrics: Iterable[Metric]) -> Iterable[QueueLine]:
    metrics = [m for m in metrics if "queue" in m.labels]
    for name in dict.fromkeys(m.labels["queue"] for m in metrics):
        mine = [m for m in metrics if m.labels["queue"] == name]
        oldest_s = round(_most(mine, OLDEST), 1)
        messages = _whole(_most(mine, MESSAGES))
        yield QueueLine(name=name, messages=messages, oldest_s=oldest_s)


#: Shown in lines of their own.
_ELSEWHERE = {
    family.name
    for family in (
        *(TASKS, RUNNING, LONGEST, RUNS, SLOTS, BUILD_INFO, SERVER_UP, MESSAGES, OLDEST),
        *(WAITING, OWN_WAITING, DEAD_LETTERS),
    )
}


def _facts(metrics: Iterable[Metric]) -> Iterable[FactLine]:
    for metric in merged(metrics):
        if metric.name not in _ELSEWHERE:
            yield FactLine(
                name=metric.name,
                help=metric.help,
                labels=dict(metric.labels),
                value=metric.value,
            )


def _waiting(metrics: list[Metric]) -> float:
    """Tasks that wait: as Redis counts them, else all that the workers have sent to wait."""
    own = sum(m.value for m in metrics if m.name == OWN_WAITING.name)
    return _most(metrics, WAITING) if any(m.name == WAITING.name for m in metrics) else own


def _most(metrics: Iterable[Metric], family: MetricFamily) -> float:
    return max((m.value for m in metrics if m.name == family.name), default=0.0)


def _spoken(value: Any) -> Any:
    """Without NaN and infinity, for which JSON has no word: one would spoil all of it."""
    if isinstance(value, dict):
        return {name: _spoken(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_spoken(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _whole(value: float) -> int:
    """What is no number is 0: a single one would hide all the rest."""
    return int(value) if math.isfinite(value) else 0
