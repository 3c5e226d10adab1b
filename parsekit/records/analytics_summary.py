"""What the analytics of a deployment come to: success, cache hits, errors, timings.

Events are read one after the other in flat memory. Percentiles are exact below 1000 ms (or KB);
larger numbers are counted with three significant digits, so that they are right within 0.5 %.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from parsekit.model import JsonObject
from parsekit.records.dedup import Latest
from parsekit.records.reader import RecordLine, Unread
from parsekit.storage.untrusted import text

#: Names in the contract (analytics.schema.json), in the order of a task's life.
TIMINGS = ("getMs", "parseMs", "putMs", "totalMs")
SIZE = "replayKb"
_EXACT_BELOW = 1000
#: No task takes longer, nor is a replay larger: a larger number is damage.
_MOST = 10**12
#: The year 10 000, which no date of Python's reaches.
_END_OF_TIME_UNIX = 253_402_300_800


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of ``analytics.jsonl``, or a message of the analytics queue.

    A message has neither ``event_id`` nor ``at_unix`` nor ``error``: it counts as new, and
    its error is unknown.
    """

    parser: str
    success: bool
    cached: bool
    numbers: Mapping[str, int]
    event_id: str | None = None
    at_unix: float | None = None
    error: str | None = None

    @classmethod
    def from_json(cls, given: JsonObject) -> Event:
        """Read one. Raises ValueError, KeyError or TypeError for other JSON."""
        data = given["data"]
        tags, booleans, ints = (dict(data[name]) for name in ("tags", "booleans", "ints"))
        return cls(
            parser=text(tags["parser"]),
            success=_flag(booleans["success"]),
            cached=_flag(booleans["cached"]),
            numbers={name: _number(value) for name, value in ints.items()},
            event_id=text(given["eventId"]) if "eventId" in given else None,
            at_unix=_unix(given["at"]) if "at" in given else None,
            error=text(given["error"]) if given.get("error") is not None else None,
        )


@dataclass(slots=True)
class Spread:
    """How some numbers are spread."""

    _counts: Counter[int] = field(default_factory=Counter)

    def add(self, number: int) -> None:
        """One more."""
        self._counts[_rounded(number)] += 1

    def percentile(self, percent: float) -> int | None:
        """The smallest number that so many percent of all do not exceed; None without numbers."""
        rank = math.ceil(percent / 100 * self._counts.total())
        for number in sorted(self._counts):
            rank -= self._counts[number]
            if rank <= 0:
                return number
        return None

    def to_json(self) -> JsonObject:
        """How many, the median and the 95th percentile."""
        return {
            "count": self._counts.total(),
            "p50": self.percentile(50),
            "p95": self.percentile(95),
        }


@dataclass(slots=True)
class Figures:
    """What some tasks came to. A cache hit is a success that came from the cache."""

    tasks: int = 0
    succeeded: int = 0
    cached: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    spreads: dict[str, Spread] = field(default_factory=dict)

    def add(self, event: Event) -> None:
        """One more task."""
        self.tasks += 1
        self.succeeded += event.success
        self.cached += event.success and event.cached
        if not event.success:
            self.errors[event.error or "unknown"] += 1
        for name in (*TIMINGS, SIZE):
            if name in event.numbers:
                self.spreads.setdefault(name, Spread()).add(event.numbers[name])

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
        return self.spreads.get(name, Spread())

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
    """Everything, and each parser apart. ``repeated`` events came before and were not counted."""

    total: Figures = field(default_factory=Figures)
    parsers: dict[str, Figures] = field(default_factory=dict)
    repeated: int = 0
    first_unix: float | None = None
    last_unix: float | None = None

    def add(self, event: Event) -> None:
        """Take one event."""
        self.total.add(event)
        self.parsers.setdefault(event.parser, Figures()).add(event)
        if event.at_unix is not None:
            times = [t for t in (self.first_unix, self.last_unix, event.at_unix) if t is not None]
            self.first_unix, self.last_unix = min(times), max(times)


def summarise(
    lines: Iterable[RecordLine], unread: Unread, *, since_unix: float | None = None
) -> Summary:
    """Put events together; a line that is no event is added to ``unread``.

    With ``since_unix`` only those that ended since then; one without a time is left out.
    """
    summary, latest = Summary(), Latest()
    for line in lines:
        try:
            event = Event.from_json(line.content)
        except (ValueError, KeyError, TypeError):
            unread.add(line.where, "no analytics event")
            continue
        if since_unix is not None and (event.at_unix is None or event.at_unix < since_unix):
            continue
        if event.event_id is None or latest.is_new(event.event_id):
            summary.add(event)
        else:
            summary.repeated += 1
    return summary


def _rounded(number: int) -> int:
    """Three significant digits, so that there are few different numbers to count."""
    return number if number < _EXACT_BELOW else int(float(f"{number:.3g}"))


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} is neither true nor false")
    return value


def _number(value: object) -> int:
    if type(value) is not int or not 0 <= value <= _MOST:
        raise ValueError(f"{value!r} is no duration or size")
    return value


def _unix(text: str) -> float:
    moment = datetime.fromisoformat(text)
    unix = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if not 0 <= unix < _END_OF_TIME_UNIX:
        raise ValueError(f"{text!r} is no time of an event")
    return unix


def _two_digits(percent: float | None) -> float | None:
    return None if percent is None else round(percent, 2)
