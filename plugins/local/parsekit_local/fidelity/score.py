"""How near bodies come to Ballchasing's, field by field: the fidelity card."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Literal

from parsekit import JsonObject
from parsekit_local.fidelity.comparison import Compared

#: How far a field can be trusted.
Grade = Literal["exact", "close", "approximate", "absent"]

#: Shares of values, in percent, from which a field is called exact and close.
_EXACT_FROM = 98.0
_CLOSE_FROM = 95.0
_WORST = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlier:
    """One value far from Ballchasing's; ``where`` names pair, team and place, never a person."""

    where: str
    wanted: str
    got: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldFidelity:
    """What is known about one field; errors are relative, in percent."""

    n: int
    exact: int
    within_1_percent: int
    within_5_percent: int
    median_error_percent: float
    p95_error_percent: float
    worst: tuple[Outlier, ...]

    @property
    def grade(self) -> Grade:
        """How far to trust the field."""
        if 100 * self.exact >= _EXACT_FROM * self.n:
            return "exact"
        return "close" if 100 * self.within_1_percent >= _CLOSE_FROM * self.n else "approximate"

    def to_json(self) -> JsonObject:
        """The form of the card's JSON."""
        return {
            "grade": self.grade,
            "n": self.n,
            "exact": self.exact,
            "within_1_percent": self.within_1_percent,
            "within_5_percent": self.within_5_percent,
            "median_error_percent": self.median_error_percent,
            "p95_error_percent": self.p95_error_percent,
            "worst": [[each.where, each.wanted, each.got] for each in self.worst],
        }


@dataclass(slots=True)
class FidelityCard:
    """Comparisons of many pairs, kept as they come; ``pairs`` names them."""

    pairs: list[str] = field(default_factory=list)
    _values: dict[str, list[tuple[str, Compared]]] = field(default_factory=dict)

    def add(self, pair: str, values: Iterable[Compared]) -> None:
        """Take the comparison of one pair."""
        self.pairs.append(pair)
        for value in values:
            self._values.setdefault(value.field, []).append((pair, value))

    @property
    def fields(self) -> Mapping[str, FieldFidelity]:
        """Every compared field in the order of the body."""
        return {name: _fidelity(values) for name, values in self._values.items()}

    @property
    def total(self) -> FieldFidelity:
        """All values together."""
        return _fidelity([value for values in self._values.values() for value in values])

    def groups(self) -> Mapping[str, FieldFidelity]:
        """The fields put together by what they stand in, e.g. ``players.stats.boost``."""
        grouped: dict[str, list[tuple[str, Compared]]] = {}
        for name, values in self._values.items():
            grouped.setdefault(_group(name), []).extend(values)
        return {name: _fidelity(values) for name, values in grouped.items()}


def _group(name: str) -> str:
    return name.rpartition(".")[0] or "match"


def _fidelity(values: Sequence[tuple[str, Compared]]) -> FieldFidelity:
    errors = sorted(value.error for _, value in values)
    return FieldFidelity(
        n=len(values),
        exact=sum(value.exact for _, value in values),
        within_1_percent=sum(value.within(0.01) for _, value in values),
        within_5_percent=sum(value.within(0.05) for _, value in values),
        median_error_percent=_percent(median(errors)) if errors else 0.0,
        p95_error_percent=_percent(_p95(errors)) if errors else 0.0,
        worst=_worst(values),
    )


def _p95(ordered: Sequence[float]) -> float:
    return ordered[math.ceil(0.95 * len(ordered)) - 1]


def _percent(share: float) -> float:
    return round(100 * share, 3)


def _worst(values: Sequence[tuple[str, Compared]]) -> tuple[Outlier, ...]:
    off = sorted(
        (each for each in values if not each[1].exact), key=lambda each: each[1].error, reverse=True
    )
    return tuple(_outlier(pair, value) for pair, value in off[:_WORST])


def _outlier(pair: str, value: Compared) -> Outlier:
    """Texts may be names of people, so only numbers are shown."""
    shown = [
        str(leaf) if isinstance(leaf, bool | int | float) else "a text" if leaf else "nothing"
        for leaf in (value.wanted, value.got)
    ]
    return Outlier(where=f"{pair}, {value.where}", wanted=shown[0], got=shown[1])
