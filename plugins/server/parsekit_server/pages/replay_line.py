"""A replay as a line of the list shows it, and as the title of its page names it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from parsekit import JsonObject
from parsekit_server.catalogue.listing import ListedReplay
from parsekit_server.catalogue.rows import ReplayRow
from parsekit_server.moments import rfc3339
from parsekit_server.ranks import account_of

#: No match lasts longer.
_DAY_S = 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedPlayer:
    """A player by name; ``account`` is ``platform:id``, "" for one who has no page."""

    name: str
    account: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SideLine:
    """One side: its name, "" without one, its goals, and who played."""

    color: str
    name: str
    goals: int
    players: tuple[NamedPlayer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayLine:
    """``sides`` are empty while nothing is known of the match."""

    row: ReplayRow
    sides: tuple[SideLine, ...]
    facts: tuple[str, ...]
    date: str

    @property
    def score(self) -> str:
        """Such as ``3–1``, "" while nothing is known."""
        return "–".join(str(each.goals) for each in self.sides)

    @property
    def players(self) -> tuple[NamedPlayer, ...]:
        """Everybody of both sides."""
        return tuple(player for side in self.sides for player in side.players)

    @property
    def description(self) -> str:
        """The match in one line of text."""
        sides = " vs ".join(
            ", ".join(player.name for player in each.players) or "nobody" for each in self.sides
        )
        return " · ".join(each for each in (self.score, sides, *self.facts, self.date) if each)


def line_of(listed: ListedReplay) -> ReplayLine:
    """Read a line of the list, without trust in the shape of what a parser answered."""
    item = listed.item
    facts = (item.get("playlist_name"), item.get("map_name"), _length(item))
    date = item.get("date")
    return ReplayLine(
        row=listed.row,
        sides=tuple(_side(item, color) for color in ("blue", "orange")) if item else (),
        facts=tuple(each for each in facts if isinstance(each, str) and each),
        date=(date if isinstance(date, str) else rfc3339(listed.row.created_us))[:16].replace(
            "T", " "
        ),
    )


def _length(item: JsonObject) -> str:
    seconds = item.get("duration")
    if not isinstance(seconds, int | float) or not 0 < seconds < _DAY_S:
        return ""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02}{' overtime' if item.get('overtime') is True else ''}"


def _side(item: JsonObject, color: str) -> SideLine:
    side = item.get(color)
    known = side if isinstance(side, dict) else {}
    goals, name = known.get("goals"), known.get("name")
    return SideLine(
        color=color,
        name=name if isinstance(name, str) else "",
        goals=goals if isinstance(goals, int) else 0,
        players=tuple(_players(known)),
    )


def _players(side: JsonObject) -> Iterator[NamedPlayer]:
    players = side.get("players")
    for each in players if isinstance(players, list) else ():
        known = each if isinstance(each, dict) else {}
        name = known.get("name")
        named = name if isinstance(name, str) and name else "?"
        yield NamedPlayer(name=named, account=account_of(known))
