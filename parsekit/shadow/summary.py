"""What many differences come to: how often two parsers agree on each field, and by how much not.

Memory grows with fields and unequal values, some four bytes each, not with replays.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from pathlib import Path
from statistics import median

import msgspec

from parsekit.events import Answerer
from parsekit.model import JsonObject
from parsekit.records.dedup import Latest
from parsekit.records.reader import Since, Unread, read_records
from parsekit.shadow.compare import Differing, FieldDifference
from parsekit.storage.untrusted import text

_HUNDREDTH, _TWENTIETH = 0.01, 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One line of a file of differences."""

    event_id: str
    at_unix: float
    replay: str
    primary: Answerer
    shadow: Answerer
    fields: tuple[FieldDifference, ...]

    @classmethod
    def from_json(cls, given: JsonObject) -> Difference:
        """Read what `DifferenceEvent.to_json` wrote.

        Raises ValueError, KeyError, TypeError or AttributeError for other JSON.
        """
        return cls(
            event_id=text(given["eventId"]),
            at_unix=datetime.fromisoformat(given["at"]).timestamp(),
            replay=text(given["replay"]),
            primary=_answerer(given["primary"]),
            shadow=_answerer(given["shadow"]),
            fields=tuple(
                FieldDifference.from_json(name, each) for name, each in given["fields"].items()
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """The worst difference of a field, and the replay that it is in."""

    replay: str
    differing: Differing

    def to_json(self) -> JsonObject:
        """The replay, the place in it and both values."""
        return {"replay": self.replay, **self.differing.to_json()}


@dataclass(slots=True)
class Agreement:
    """How far two parsers agree on the values of a field, or of many.

    ``absent`` counts values that only one parser gave; they agree with nothing. Relative
    differences are of values that both gave.
    """

    equal: int = 0
    absent: int = 0
    within_1_percent: int = 0
    within_5_percent: int = 0
    apart: array[float] = field(default_factory=lambda: array("f"))
    example: Example | None = None

    def add(self, replay: str, found: FieldDifference) -> None:
        """Take this field of one more replay."""
        self.equal += found.equal
        self.within_1_percent += found.equal
        self.within_5_percent += found.equal
        for each in found.differing:
            self._add(replay, each)

    def _add(self, replay: str, differing: Differing) -> None:
        if differing.absent:
            self.absent += 1
            self.example = self.example or Example(replay=replay, differing=differing)
            return
        apart = differing.relative
        self.within_1_percent += apart <= _HUNDREDTH
        self.within_5_percent += apart <= _TWENTIETH
        if self._is_worst(apart):
            self.example = Example(replay=replay, differing=differing)
        self.apart.append(apart)

    def _is_worst(self, apart: float) -> bool:
        known = self.example
        return known is None or known.differing.absent or apart > known.differing.relative

    @property
    def values(self) -> int:
        """How many values at least one parser gave."""
        return self.equal + self.absent + len(self.apart)

    @property
    def median(self) -> float:
        """The median relative difference, equal values counted as 0."""
        both = self.equal + len(self.apart)
        if self.equal > both / 2 or not both:
            return 0.0
        return median(chain([0.0] * self.equal, self.apart))

    @property
    def worst(self) -> float:
        """The largest relative difference."""
        return max(self.apart, default=0.0)

    def percent(self, count: int) -> float:
        """A share of all values, in percent; of none it is 100."""
        return 100 * count / self.values if self.values else 100.0

    def to_json(self) -> JsonObject:
        """Counts of values, the relative differences in percent, and the example."""
        return {
            "values": self.values,
            "equal": self.equal,
            "within1Percent": self.within_1_percent,
            "within5Percent": self.within_5_percent,
            "absent": self.absent,
            "medianPercent": round(100 * self.median, 4),
            "worstPercent": round(100 * self.worst, 4),
            "example": self.example.to_json() if self.example else None,
        }


@dataclass(slots=True)
class PairSummary:
    """Two parsers in two versions, over many replays."""

    primary: Answerer
    shadow: Answerer
    replays: int = 0
    fields: dict[str, Agreement] = field(default_factory=dict)

    def add(self, difference: Difference, prefix: str) -> None:
        """Take one more replay; only the fields at or below ``prefix``, "" for all."""
        self.replays += 1
        for each in difference.fields:
            if _is_below(each.field, prefix):
                self.fields.setdefault(each.field, Agreement()).add(difference.replay, each)

    @property
    def total(self) -> Agreement:
        """All fields as one, without an example."""
        total = Agreement()
        for each in self.fields.values():
            total.equal += each.equal
            total.absent += each.absent
            total.within_1_percent += each.within_1_percent
            total.within_5_percent += each.within_5_percent
            total.apart.extend(each.apart)
        return total

    def worst_first(self) -> Iterator[tuple[str, Agreement]]:
        """The fields with a difference, those first that are least often within 1 %."""
        unequal = [(name, each) for name, each in self.fields.items() if each.equal < each.values]
        return iter(sorted(unequal, key=lambda one: one[1].percent(one[1].within_1_percent)))

    def to_json(self) -> JsonObject:
        """Both parsers, the total and every field."""
        total = self.total.to_json()
        del total["example"]
        return {
            "primary": self.primary.to_json(),
            "shadow": self.shadow.to_json(),
            "replays": self.replays,
            "total": total,
            "fields": {name: each.to_json() for name, each in self.fields.items()},
        }


def summarise(
    files: Iterable[Path], unread: Unread, *, prefix: str = "", since_unix: float | None = None
) -> list[PairSummary]:
    """Put differences together by pair of parsers and versions, in the order of their coming.

    With ``since_unix`` only those found since then. One that is published again counts once; a line
    that is no difference is added to ``unread``. Raises OSError when a file can't be read.
    """
    pairs: dict[tuple[Answerer, Answerer], PairSummary] = {}
    latest = Latest()
    wanted = None if since_unix is None else Since(since_unix)
    lines = read_records(files, _difference, unread, other="no difference", wanted=wanted)
    for difference in lines:
        if since_unix is not None and difference.at_unix < since_unix:
            continue
        if latest.is_new(difference.event_id):
            key = (difference.primary, difference.shadow)
            pairs.setdefault(key, PairSummary(*key)).add(difference, prefix)
    return list(pairs.values())


def _difference(line: bytes) -> Difference:
    """Read one. Raises ValueError or RecursionError for any other line."""
    try:
        return Difference.from_json(msgspec.json.decode(line))
    except (KeyError, TypeError, AttributeError) as exc:
        raise ValueError("no difference") from exc


def _is_below(name: str, prefix: str) -> bool:
    return not prefix or name == prefix or name.startswith((f"{prefix}.", f"{prefix}[]"))


def _answerer(given: JsonObject) -> Answerer:
    return Answerer(parser=text(given["parser"]), version=text(given["version"]))
