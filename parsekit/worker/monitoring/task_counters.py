"""What a process counts as it works: cheap enough for every task, and no metrics library."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from parsekit.errors import ERRORS
from parsekit.metrics import Metric
from parsekit.model import Outcome, Timings
from parsekit.worker.monitoring.families import STAGES, TASKS

#: Upper ends of the buckets, seconds: cached answers take milliseconds, a remote parser may leave
#: a replay pending for 15 minutes.
BUCKETS = (
    *(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0),
)
#: Tasks that may wait to be counted where nobody asks.
MOST_UNCOUNTED = 1000
_STAGE_OF = {"getMs": "get", "parseMs": "parse", "putMs": "put", "totalMs": "total"}


@dataclass(slots=True)
class _Histogram:
    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    seconds: float = 0.0

    def metrics(self, labels: Mapping[str, str]) -> Iterator[Metric]:
        total = 0
        for end, count in zip((*BUCKETS, float("inf")), self.counts, strict=True):
            total += count
            le = "+Inf" if end == float("inf") else str(end)
            yield _stage("_bucket", total, {**labels, "le": le})
        yield _stage("_count", total, labels)
        yield _stage("_sum", self.seconds, labels)


class TaskCounters:
    """Tasks and their stages since the process began. Used from several threads.

    They are counted many at once, when somebody asks: a task that comes to this code only now and
    then takes ten times as long for it.
    """

    def __init__(self, parser: str = "") -> None:
        self._lock = threading.Lock()
        self._ended: deque[tuple[str, bool, str, Timings]] = deque()
        self._tasks: Counter[tuple[str, str, str]] = Counter()
        self._stages = {stage: _Histogram() for stage in _STAGE_OF.values()}
        self.expect(parser)

    def expect(self, parser: str) -> None:
        """Show zeros for this parser: a rate needs a number before the first event."""
        outcomes = [("parsed", ""), ("cached", ""), *(("failed", code) for code in ERRORS)]
        for outcome, code in outcomes if parser else ():
            self._tasks.setdefault((outcome, code, parser), 0)

    def count(self, outcome: Outcome) -> None:
        """Count a task that ended."""
        code = outcome.failure.code if outcome.failure else ""
        self._ended.append((code, outcome.cached, outcome.parser, outcome.timings))
        if len(self._ended) > MOST_UNCOUNTED:
            with self._lock:
                self._count_ended()

    def _count_ended(self) -> None:
        while self._ended:
            code, cached, parser, timings = self._ended.popleft()
            how = "failed" if code else "cached" if cached else "parsed"
            self._tasks[how, code, parser] += 1
            for name, ms in timings.happened():
                spread = self._stages[_STAGE_OF[name]]
                spread.counts[bisect_left(BUCKETS, ms / 1000)] += 1
                spread.seconds += ms / 1000

    def metrics(self) -> list[Metric]:
        """All of it."""
        with self._lock:
            self._count_ended()
            found = [
                TASKS.metric(number, outcome=outcome, code=code, parser=parser)
                for (outcome, code, parser), number in self._tasks.items()
            ]
            for stage, spread in self._stages.items():
                found += spread.metrics({"stage": stage})
        return found


def _stage(part: str, value: float, labels: Mapping[str, str]) -> Metric:
    whole = STAGES.metric(value, **labels)
    return replace(whole, name=STAGES.name + part, family=STAGES.name)
