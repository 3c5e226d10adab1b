"""What the analytics of a deployment come to: success, cache hits, errors, timings.

Events are read one after the other in flat memory. Percentiles are exact below 1000 ms (or KB);
larger numbers are counted with three significant digits, so that they are right within 0.5 %.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec

from parsekit.model import JsonObject
from parsekit.records.dedup import Latest
from parsekit.records.reader import Since, Unread, read_records

#: Names in the contract (analytics.schema.json), in the order of a task's life.
TIMINGS = ("getMs", "parseMs", "putMs", "totalMs")
SIZE = "replayKb"
_EXACT_BELOW = 1000
#: No task takes longer, nor is a replay larger: a larger number is damage.
_MOST = 10**12
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
#: Tasks whose numbers are counted at once, which takes a third of the time.
_COUNTED_AT_ONCE = 1024


class _Data(msgspec.Struct, gc=False):
    """The contract's lists of pairs."""

    tags: tuple[tuple[str, str], ...]
    booleans: tuple[tuple[str, bool], ...]
    ints: tuple[tuple[str, Annotated[int, msgspec.Meta(ge=0, le=_MOST)]], ...]


class _Line(msgspec.Struct, gc=False):
    data: _Data
    event_id: str | None = msgspec.field(name="eventId", default=None)
    at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    error: str | None = None


_LINE = msgspec.json.Decoder(_Line)


class Event(msgspec.Struct, gc=False):
    """One line of a file of analytics, or a message of the analytics queue.

    A message has neither ``event_id`` nor ``at`` nor ``error``: it counts as new, and its error is
    unknown.
    """

    parser: str
    success: bool
    cached: bool
    numbers: tuple[tuple[str, int], ...]
    event_id: str | None
    at: datetime | None
    error: str | None


def read_event(line: bytes) -> Event:
    """Read one. Raises ValueError or RecursionError for any other line."""
    found = _LINE.decode(line)
    tags, flags = dict(found.data.tags), dict(found.data.booleans)
    if found.at is not None and found.at < _BEGINNING:
        raise ValueError("before 1970 there were no events")
    try:
        parser, success, cached = tags["parser"], flags["success"], flags["cached"]
    except KeyError as exc:
        raise ValueError(f"an event without {exc}") from None
    return Event(parser, success, cached, found.data.ints, found.event_id, found.at, found.error)


class Spread:
    """How some numbers are spread."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        #: So many different numbers are counted as they are, before they are rounded.
        self._most = _COUNTED_AT_ONCE
        self._uncounted: list[int] = []
        #: One more number; counted when there are many, which `count` does.
        self.add = self._uncounted.append

    def count(self) -> Counter[int]:
        """Count what was added, in not too many different numbers.

        Where nobody calls it, memory grows with the numbers.
        """
        self._counts.update(self._uncounted)
        self._uncounted.clear()
        if len(self._counts) > self._most:
            self._counts = self._rounded()
            self._most = len(self._counts) + _COUNTED_AT_ONCE
        return self._counts

    def _rounded(self) -> Counter[int]:
        """The same in few different numbers, as those that round to the same are one."""
        rounded: Counter[int] = Counter()
        for number, count in self._counts.items():
            rounded[_rounded(number)] += count
        return rounded

    def merge(self, other: Spread) -> None:
        """Take the numbers of another."""
        self._counts.update(other.count())

    def percentile(self, percent: float) -> int | None:
        """The smallest number that so many percent of all do not exceed; None without numbers."""
        self.count()
        counts = self._rounded()
        rank = math.ceil(percent / 100 * counts.total())
        for number in sorted(counts):
            rank -= counts[number]
            if rank <= 0:
                return number
        return None

    def to_json(self) -> JsonObject:
        """How many, the median and the 95th percentile."""
        return {
            "count": self.count().total(),
            "p50": self.percentile(50),
            "p95": self.percentile(95),
        }


class Figures:
    """What some tasks came to. A cache hit is a success that came from the cache."""

    def __init__(self) -> None:
        self.tasks = 0
        self.succeeded = 0
        self.cached = 0
        self.errors: Counter[str] = Counter()
        self.spreads = {name: Spread() for name in (*TIMINGS, SIZE)}
        self._adders = {name: spread.add for name, spread in self.spreads.items()}

    def add(self, event: Event) -> None:
        """One more task."""
        self.tasks += 1
        if event.success:
            self.succeeded += 1
            self.cached += event.cached
        else:
            self.errors[event.error or "unknown"] += 1
        adders = self._adders
        for name, number in event.numbers:
            if name in adders:
                adders[name](number)
        if self.tasks % _COUNTED_AT_ONCE == 0:
            for spread in self.spreads.values():
                spread.count()

    def merge(self, other: Figures) -> None:
        """Take the tasks of another."""
        self.tasks += other.tasks
        self.succeeded += other.succeeded
        self.cached += other.cached
        self.errors += other.errors
        for name, spread in other.spreads.items():
            self.spreads[name].merge(spread)

    @property
    def success_percent(self) -> float | None:
        """Successes of all tasks; None without tasks."""
        return 100 * self.succeeded / self.tasks if self.tasks else None

    @property
    def cache_hit_percent(self) -> float | None:
        """Results from the cache, of all results; None without results."""
        return 100 * self.cached / self.succeeded if self.succeeded else None

    def spread(self, name: str) -> Spread:
        """One of `TIMINGS` in milliseconds, or `SIZE` in kilobytes."""
        return self.spreads[name]

    def to_json(self) -> JsonObject:
        """The published form."""
        return {
            "tasks": self.tasks,
            "succeeded": self.succeeded,
            "cached": self.cached,
            "successPercent": _two_digits(self.success_percent),
            "cacheHitPercent": _two_digits(self.cache_hit_percent),
            "errors": dict(self.errors.most_common()),
            "timings": {name: self.spread(name).to_json() for name in TIMINGS},
            SIZE: self.spread(SIZE).to_json(),
        }


@dataclass(slots=True)
class Summary:
    """Each parser's figures. ``repeated`` events came before and were not counted."""

    parsers: dict[str, Figures] = field(default_factory=dict)
    repeated: int = 0
    first: datetime | None = None
    last: datetime | None = None

    @property
    def total(self) -> Figures:
        """All parsers as one."""
        total = Figures()
        for each in self.parsers.values():
            total.merge(each)
        return total

    def add(self, event: Event) -> None:
        """Take one event."""
        figures = self.parsers.get(event.parser)
        if figures is None:
            figures = self.parsers[event.parser] = Figures()
        figures.add(event)
        if event.at is not None:
            if self.first is None or event.at < self.first:
                self.first = event.at
            if self.last is None or event.at > self.last:
                self.last = event.at


def summarise(files: Iterable[Path], unread: Unread, *, since_unix: float | None = None) -> Summary:
    """Put the events of these files together; a line that is none is added to ``unread``.

    With ``since_unix`` only those that ended since then; one without a time is left out. Raises
    OSError when a file can't be read.
    """
    summary, latest = Summary(), Latest()
    since = None if since_unix is None else datetime.fromtimestamp(since_unix, UTC)
    wanted = None if since_unix is None else Since(since_unix)
    for event in read_records(files, read_event, unread, other="no analytics event", wanted=wanted):
        if since is not None and (event.at is None or event.at < since):
            continue
        if event.event_id is None or latest.is_new(event.event_id):
            summary.add(event)
        else:
            summary.repeated += 1
    return summary


def _rounded(number: int) -> int:
    """Three significant digits, so that there are few different numbers to count."""
    if number < _EXACT_BELOW:
        return number
    unit: int = 10 ** (len(str(number)) - 3)
    return (number + unit // 2) // unit * unit


def _two_digits(percent: float | None) -> float | None:
    return None if percent is None else round(percent, 2)
