"""Ranks of the game: their names, and how those that a client reports come into a body.

A replay does not tell the ranks of its players; a program beside the game does, with
``POST /v1/mmr``. They fill what the parser left open, and change nothing that it said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from parsekit import JsonObject

_METALS = ("Bronze", "Silver", "Gold", "Platinum", "Diamond", "Champion", "Grand Champion")
_STEPS = ("I", "II", "III")
_NAMES = (
    "Unranked",
    *(f"{metal} {step}" for metal in _METALS for step in _STEPS),
    "Supersonic Legend",
)
_IDS = (
    "unranked",
    *(
        f"{metal.lower().replace(' ', '-')}-{number}"
        for metal in _METALS
        for number, _ in enumerate(_STEPS, start=1)
    ),
    "supersonic-legend",
)
#: Name of a rank in filters to its tier. There was one grand champion before there were three.
TIER_OF = {name: tier for tier, name in enumerate(_IDS)} | {"grand-champion": 19}
_LEGEND = len(_IDS) - 1


@dataclass(frozen=True, slots=True, order=True)
class Rank:
    """A tier from 1 to 22, and a division from 1 to 4 in it."""

    tier: int
    division: int

    @property
    def known(self) -> bool:
        """Whether the game has such a rank."""
        return 0 < self.tier <= _LEGEND and 1 <= self.division <= 4  # noqa: PLR2004

    def to_json(self) -> JsonObject:
        """Write it as Ballchasing does."""
        name = _NAMES[self.tier]
        if self.tier < _LEGEND:
            name = f"{name} Division {self.division}"
        return {
            "tier": self.tier,
            "division": self.division,
            "name": name,
            "id": _IDS[self.tier],
        }


def with_ranks(data: JsonObject, ranks: Mapping[str, Rank]) -> JsonObject:
    """A body with the ranks of these accounts (``platform:id``) where it has none itself."""
    added = dict(data)
    reported: list[Rank] = []
    for color in ("blue", "orange"):
        side = data.get(color)
        if isinstance(side, dict) and isinstance(side.get("players"), list):
            players = list(_ranked(side["players"], ranks, reported))
            added[color] = {**side, "players": players}
    if reported and "min_rank" not in data and "max_rank" not in data:
        added["min_rank"] = min(reported).to_json()
        added["max_rank"] = max(reported).to_json()
    return added


def _ranked(
    players: list[object], ranks: Mapping[str, Rank], reported: list[Rank]
) -> Iterator[object]:
    for player in players:
        rank = ranks.get(account_of(player)) if isinstance(player, dict) else None
        if rank is None or not isinstance(player, dict) or "rank" in player:
            yield player
        else:
            reported.append(rank)
            yield {**player, "rank": rank.to_json()}


def account_of(player: JsonObject) -> str:
    """``platform:id`` of a player of a body; "" for one without an account."""
    known = player.get("id")
    if not isinstance(known, dict):
        return ""
    platform, number = known.get("platform"), known.get("id")
    if not isinstance(platform, str) or not isinstance(number, str):
        return ""
    return f"{platform}:{number}" if platform and number else ""
