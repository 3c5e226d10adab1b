"""Comparing a body with Ballchasing's body of the same replay, leaf by leaf."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from parsekit import JsonObject

#: What the site adds to a replay; no parser can know it.
SITE_FIELDS = frozenset({"id", "link", "created", "uploader", "visibility", "groups", "status"})

#: A leaf of JSON: what stands at a path.
Leaf = str | int | float | bool | None

#: Half of the last digit that times are published with, and the step of a 32-bit float.
_HALF_CENT = 0.005
_FLOAT_STEP = 1e-4
#: Times this close are the same for the purpose of "within": one published digit.
_CENT = 0.0101


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One leaf in both bodies.

    ``field`` is the path with players and teams left anonymous
    (``players.stats.boost.bpm``), ``where`` tells which one it was (``blue 2``).
    """

    field: str
    where: str
    wanted: Leaf
    got: Leaf

    @property
    def error(self) -> float:
        """The relative error; 1 for what is missing, or differs and is no number."""
        if self.wanted == self.got:
            return 0.0
        wanted, apart = _number(self.wanted), self._apart
        if wanted is None or apart is None:
            return 1.0
        return apart / abs(wanted) if wanted else min(1.0, apart)

    @property
    def exact(self) -> bool:
        """Whether the published digits agree."""
        return self.wanted == self.got or self._near(_FLOAT_STEP, _HALF_CENT)

    def within(self, share: float) -> bool:
        """Whether the relative error is at most ``share``; counts have to be equal."""
        return self.exact or self._near(share, _CENT)

    @property
    def _apart(self) -> float | None:
        wanted, got = _number(self.wanted), _number(self.got)
        return None if wanted is None or got is None else abs(wanted - got)

    def _near(self, share: float, floor: float) -> bool:
        wanted, apart = _number(self.wanted), self._apart
        if wanted is None or apart is None or self._is_count:
            return False
        return apart <= max(floor, share * abs(wanted))

    @property
    def _is_count(self) -> bool:
        leaf = self.field.rpartition(".")[2]
        counted = leaf.startswith(("count_", "goals_against")) or ".demo." in self.field
        return counted or (".core." in self.field and leaf != "shooting_percentage")


def compare(wanted: JsonObject, got: JsonObject) -> Iterator[Compared]:
    """Compare every leaf of Ballchasing's body that a replay can give.

    A number in ``stats`` that Ballchasing leaves out is 0 there. Players are matched by account,
    then by name, then by place: names are not always the same.
    """
    for name, value in wanted.items():
        if name not in SITE_FIELDS and name not in ("blue", "orange"):
            yield from _leaves(name, "match", value, got.get(name))
    for color in ("blue", "orange"):
        yield from _team(color, wanted.get(color, {}), got.get(color, {}))


def _team(color: str, wanted: JsonObject, got: JsonObject) -> Iterator[Compared]:
    for name, value in wanted.items():
        if name != "players":
            yield from _leaves(f"teams.{name}", color, value, got.get(name))
    rivals = list(got.get("players", []))
    for place, player in enumerate(wanted.get("players", []), 1):
        match = _take_match(player, rivals)
        for name, value in player.items():
            yield from _leaves(f"players.{name}", f"{color} {place}", value, match.get(name))


def _take_match(player: JsonObject, rivals: list[JsonObject]) -> JsonObject:
    same_account = [r for r in rivals if player.get("id") and r.get("id") == player["id"]]
    same_name = [r for r in rivals if r.get("name") == player.get("name")]
    found = next(iter(same_account + same_name + rivals), None)
    if found is None:
        return {}
    rivals.remove(found)
    return found


def _leaves(field: str, where: str, wanted: object, got: object) -> Iterator[Compared]:
    if not isinstance(wanted, Mapping):
        yield Compared(field=field, where=where, wanted=_leaf(wanted), got=_leaf(got))
        return
    ours = got if isinstance(got, Mapping) else {}
    unpublished = ours.keys() - wanted.keys() if ".stats" in field else ()
    zeros = {name: 0 for name in sorted(unpublished) if _number(_leaf(ours[name])) is not None}
    for name, value in {**wanted, **zeros}.items():
        yield from _leaves(f"{field}.{name}", where, value, ours.get(name))


def _leaf(value: object) -> Leaf:
    return value if isinstance(value, str | int | float) else None


def _number(value: Leaf) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
