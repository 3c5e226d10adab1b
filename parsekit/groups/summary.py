"""A summary of many replays: which of them count, and the sums of each mode by itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from parsekit.groups.game import Game, PlayerIdentification, identified
from parsekit.groups.members import PlayerTotals, TeamTotals, player_totals, team_totals
from parsekit.groups.rosters import TeamIdentification, rosters
from parsekit.groups.series import Series, find_series


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeSummary:
    """The games of one mode, such as ``3v3``, in the order in which they were played."""

    mode: str
    games: tuple[Game, ...]
    players: tuple[PlayerTotals, ...]
    teams: tuple[TeamTotals, ...]
    series: tuple[Series, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A replay that is in no sum, and why."""

    replay: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SeasonSummary:
    """All modes, the one with the most games first; no number spans two of them."""

    modes: tuple[ModeSummary, ...]
    left_out: tuple[LeftOut, ...]


def summarize(
    games: Iterable[Game],
    *,
    player_identification: PlayerIdentification = "by-id",
    team_identification: TeamIdentification | None = None,
) -> SeasonSummary:
    """Sum what counts: a match counts once, and nobody wins against an empty side.

    ``team_identification`` None: as `parsekit.groups.rosters.rosters` finds it out.
    """
    games = identified(games, player_identification)
    by_mode: defaultdict[str, list[Game]] = defaultdict(list)
    left_out: list[LeftOut] = []
    seen: dict[str, Game] = {}
    # The whole record of a match goes before one that was cut off.
    for game in sorted(games, key=lambda each: each.stream is not None):
        reason = _reason_against(game, seen)
        if reason is not None:
            left_out.append(LeftOut(replay=game.replay, reason=reason))
            continue
        if game.match_id is not None:
            seen[game.match_id] = game
        by_mode[game.mode].append(game)
    modes = sorted(by_mode.items(), key=lambda each: (-len(each[1]), each[0]))
    return SeasonSummary(
        modes=tuple(_mode(name, each, team_identification) for name, each in modes),
        left_out=tuple(left_out),
    )


def _reason_against(game: Game, seen: dict[str, Game]) -> str | None:
    sides = [bool(side.players) for side in game.sides]
    if not any(sides):
        return "no players in it"
    if not all(sides):
        return "nobody on the other side"
    if game.match_id in seen:
        return f"the same match as {seen[game.match_id].replay}"
    return None


def _mode(name: str, found: list[Game], how: TeamIdentification | None) -> ModeSummary:
    games = sorted(found, key=_when)
    teams = rosters(games, how)
    return ModeSummary(
        mode=name,
        games=tuple(games),
        players=player_totals(games, teams),
        teams=team_totals(games, teams),
        series=find_series(games),
    )


def _when(game: Game) -> tuple[float, str]:
    """Games without a date go first, in the order of their names."""
    return (game.date.timestamp() if game.date else 0.0, game.replay)
