"""Two bodies of one replay, compared value by value, whatever their shape.

A value is a leaf of the JSON at a path. Bodies of Ballchasing's shape get two courtesies: players
are matched by account, else by name, and their fields are pooled (``players.stats.boost.bpm`` is a
field of all of them), as are those of both teams (``teams.stats.core.goals``).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass
from enum import Enum

from parsekit.body.grades import Grades
from parsekit.model import JsonObject

#: Numbers this close, relatively, are equal: Ballchasing publishes 32-bit floats.
TOLERANCE = 1e-4
#: A body of Ballchasing's has some 1000 values, objects counted; one with more than this is not
#: compared.
MAX_VALUES = 10_000
#: Texts and names of fields are cut to so many characters.
MAX_TEXT = 120
#: What stands deeper than this is not compared.
MAX_DEPTH = 20
_MAX_INT = 2**63


class Absent(Enum):
    """One body has no value here; null is a value."""

    ABSENT = "absent"


ABSENT = Absent.ABSENT
Leaf = str | int | float | bool | None
_Key = tuple[str, str]
_Values = dict[_Key, Leaf]
#: Field, where, value, depth.
_Node = tuple[str, str, object, int]


class TooManyValues(Exception):
    """A body has more than `MAX_VALUES` values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Differing:
    """Two unequal values; ``where`` names team and place (``blue 2``), "" for the match."""

    where: str
    primary: Leaf | Absent
    shadow: Leaf | Absent

    @property
    def absent(self) -> bool:
        """Whether only one body has the value."""
        return ABSENT in (self.primary, self.shadow)

    @property
    def relative(self) -> float:
        """The difference relative to the larger of two numbers, 0 to 2; 1 for anything else."""
        pair = _numbers(self.primary, self.shadow)
        return 1.0 if pair is None else _relative(*pair)

    def to_json(self) -> JsonObject:
        """``where`` and both values; one that is absent is left out."""
        values = {"primary": self.primary, "shadow": self.shadow}
        return {"where": self.where, **{k: v for k, v in values.items() if v is not ABSENT}}

    @classmethod
    def from_json(cls, given: JsonObject) -> Differing:
        """Read what `to_json` wrote. Raises ValueError, KeyError or TypeError for other JSON."""
        return cls(
            where=str(given["where"]),
            primary=_read_leaf(given.get("primary", ABSENT)),
            shadow=_read_leaf(given.get("shadow", ABSENT)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldDifference:
    """One field: how many values of it are equal, and those that are not."""

    field: str
    equal: int
    differing: tuple[Differing, ...] = ()

    @property
    def values(self) -> int:
        """How many values were compared."""
        return self.equal + len(self.differing)

    def to_json(self) -> JsonObject:
        """``equal``, and ``differing`` where there is something."""
        differing = [each.to_json() for each in self.differing]
        return {"equal": self.equal, **({"differing": differing} if differing else {})}

    @classmethod
    def from_json(cls, field: str, given: JsonObject) -> FieldDifference:
        """Read what `to_json` wrote. Raises ValueError, KeyError or TypeError for other JSON."""
        if type(given["equal"]) is not int or given["equal"] < 0:
            raise ValueError(f"equal is {given['equal']!r}, want a count")
        differing = tuple(Differing.from_json(each) for each in given.get("differing", ()))
        return cls(field=field, equal=given["equal"], differing=differing)


def compare(primary: JsonObject, shadow: JsonObject) -> tuple[FieldDifference, ...]:
    """Every field of both bodies, in their order, but those that one of them calls absent itself.

    Raises `TooManyValues`.
    """
    grades = (Grades.of(primary), Grades.of(shadow))
    ours, theirs = _Body.of(primary), _Body.of(shadow)
    for where, player, match in _paired(ours.players, theirs.players):
        ours.add("players", where, player)
        theirs.add("players", where, match)
    fields: dict[str, list[Differing | None]] = {}
    for key in {**ours.values, **theirs.values}:
        if any(each.is_absent(key[0]) for each in grades):
            continue
        a, b = ours.values.get(key, ABSENT), theirs.values.get(key, ABSENT)
        found = None if equal(a, b) else Differing(where=key[1], primary=_cut(a), shadow=_cut(b))
        fields.setdefault(key[0], []).append(found)
    return tuple(_field(name, found) for name, found in fields.items())


def equal(a: Leaf | Absent, b: Leaf | Absent) -> bool:
    """Whether two values are the same; numbers are within `TOLERANCE`, true is no number."""
    pair = _numbers(a, b)
    if pair is None:
        return type(a) is type(b) and a == b
    return _relative(*pair) <= TOLERANCE


def _field(name: str, found: Sequence[Differing | None]) -> FieldDifference:
    differing = tuple(each for each in found if each is not None)
    return FieldDifference(field=name, equal=len(found) - len(differing), differing=differing)


def _numbers(a: Leaf | Absent, b: Leaf | Absent) -> tuple[float, float] | None:
    if type(a) in (int, float) and type(b) in (int, float):
        return float(a), float(b)  # type: ignore[arg-type]  # both are numbers by now
    return None


def _relative(a: float, b: float) -> float:
    """Each divided by the larger first, as the difference of two huge numbers is infinite."""
    larger = max(abs(a), abs(b))
    return abs(a / larger - b / larger) if larger else 0.0


class _Body:
    """The values of one body by field and place, and its players, who are matched first."""

    def __init__(self) -> None:
        self.values: _Values = {}
        self.players: list[tuple[str, object]] = []
        self._room = MAX_VALUES

    @classmethod
    def of(cls, body: JsonObject) -> _Body:
        flat = cls()
        flat._enter(body)
        for name, value in body.items():
            if name in ("blue", "orange") and isinstance(value, Mapping):
                flat._add_team(name, value)
            elif name == "players" and isinstance(value, list):
                flat._add_players("", value)
            elif name != "fidelity":
                flat.add(str(name), "", value)
        return flat

    def add(self, field: str, where: str, value: object) -> None:
        """Take every value below this one. Raises `TooManyValues`.

        Without recursion: a body may be nested as deep as it likes.
        """
        waiting: list[_Node] = [(field, where, value, 0)]
        while waiting:
            node = waiting.pop()
            if not isinstance(node[2], Mapping | list):
                self.values[node[0][:MAX_TEXT], node[1][:MAX_TEXT]] = _leaf(node[2])
            elif node[3] < MAX_DEPTH:
                self._enter(node[2])
                waiting += reversed(_below(*node))

    def _enter(self, container: Sized) -> None:
        """Count what it holds, empty objects too, before anything is made of it."""
        self._room -= len(container)
        if self._room < 0:
            raise TooManyValues(f"a body has more than {MAX_VALUES} values")

    def _add_team(self, color: str, team: Mapping[str, object]) -> None:
        self._enter(team)
        for name, value in team.items():
            if name == "players" and isinstance(value, list):
                self._add_players(f"{color} ", value)
            else:
                self.add(f"teams.{name}", color, value)

    def _add_players(self, team: str, players: list[object]) -> None:
        self._enter(players)
        self.players += [(f"{team}{place}", player) for place, player in enumerate(players, 1)]


def _below(field: str, where: str, value: object, depth: int) -> list[_Node]:
    if isinstance(value, Mapping):
        return [(f"{field}.{name}", where, each, depth + 1) for name, each in value.items()]
    items = value if isinstance(value, list) else []
    return [
        (f"{field}[]", f"{where} #{number}".strip(), each, depth + 1)
        for number, each in enumerate(items, 1)
    ]


def _leaf(value: object) -> Leaf:
    """The value as it can stand in JSON: no NaN, no integer beyond 64 bits."""
    if isinstance(value, bool | str | None):
        return value
    if isinstance(value, int):
        return value if abs(value) < _MAX_INT else "a huge number"
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return f"a {type(value).__name__}"


def _read_leaf(value: object) -> Leaf | Absent:
    if value is ABSENT:
        return ABSENT
    if isinstance(value, Mapping | list):
        raise TypeError(f"a value is {type(value).__name__}, want a leaf")
    return _leaf(value)


def _cut(value: Leaf | Absent) -> Leaf | Absent:
    return value[:MAX_TEXT] if isinstance(value, str) else value


def _paired(
    ours: list[tuple[str, object]], theirs: list[tuple[str, object]]
) -> Iterator[tuple[str, object, object]]:
    """Each player with the one of the other body, an empty one where there is none.

    Two players of one split screen share an account, so the name is asked first there. Who has
    neither account nor name is matched by place.
    """
    left = dict(enumerate(theirs))
    matches: dict[int, object] = {}
    for identity in (_account_and_name, _account, _name, _place):
        alike: dict[_Identity, deque[int]] = {}
        for number, one in left.items():
            alike.setdefault(identity(*one), deque()).append(number)
        for number, one in enumerate(ours):
            known = identity(*one)
            if number not in matches and known is not None and alike.get(known):
                matches[number] = left.pop(alike[known].popleft())[1]
    for number, (where, player) in enumerate(ours):
        yield where, player, matches.get(number, {})
    for where, player in left.values():
        yield f"{where} of the shadow", {}, player


_Identity = tuple[object, ...] | None


def _account_and_name(where: str, player: object) -> _Identity:
    account, name = _account(where, player), _name(where, player)
    return (*account, *name) if account and name else None


def _account(where: str, player: object) -> _Identity:
    del where
    given = player.get("id") if isinstance(player, Mapping) else None
    if isinstance(given, Mapping):
        given = (given.get("platform"), given.get("id"))
    else:
        given = (None, given)
    is_plain = all(isinstance(part, str | int | None) for part in given)
    return given if is_plain and given[1] not in (None, "", 0, "0") else None


def _name(where: str, player: object) -> _Identity:
    del where
    name = player.get("name") if isinstance(player, Mapping) else None
    return (name,) if isinstance(name, str) and name else None


def _place(where: str, player: object) -> _Identity:
    unknown = _account(where, player) is None and _name(where, player) is None
    return (where,) if unknown else None
