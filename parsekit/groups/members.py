"""Players and teams over several games, each with its totals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from parsekit.groups.game import Game, PlayerGame, PlayerKey, Side
from parsekit.groups.rosters import Roster
from parsekit.groups.rules import (
    PLAY,
    PLAYER_RULES,
    POWERSLIDE,
    TEAM_BOOST_AVERAGES,
    TEAM_DISTANCE_AVERAGES,
    TEAM_RULES,
    Lookup,
    Total,
    totals,
)
from parsekit.groups.single import share, single_sum

#: What the team has once, though each of its players repeats it.
_ONCE = frozenset(("core.shots_against", "core.goals_against"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Games and how they ended; ``decided`` of them have a known winner."""

    games: int
    wins: int
    decided: int

    @property
    def losses(self) -> int:
        """Decided games that were not won."""
        return self.decided - self.wins

    @property
    def win_percentage(self) -> float | None:
        """Of the decided games; None when there is none."""
        return share(self.wins, self.decided, 100) if self.decided else None


@dataclass(frozen=True, kw_only=True)
class PlayerTotals:
    """A player over several games, which are ``played``.

    ``play_duration_s`` is None when no game tells it. Numbers are added up when they are asked
    for: a season has many players who are in one match and in no table.
    """

    key: PlayerKey
    name: str
    team: str
    record: Record
    play_duration_s: int | None
    played: tuple[PlayerGame, ...] = field(repr=False)

    @cached_property
    def totals(self) -> Mapping[str, Total]:
        """Each number of Ballchasing's group body that some game tells, by ``group.name``."""
        return totals(PLAYER_RULES, map(_of_player, self.played))

    @cached_property
    def powerslide_s(self) -> float | None:
        """The average over all powerslides, which Ballchasing's field is not."""
        slides = POWERSLIDE.total([_of_player(each) for each in self.played])
        return slides.value if slides else None


@dataclass(frozen=True, kw_only=True)
class TeamTotals:
    """A team over several games, in which it was these ``sides``; otherwise as `PlayerTotals`."""

    roster: Roster
    record: Record
    play_duration_s: int | None
    sides: tuple[Side, ...] = field(repr=False)

    @cached_property
    def totals(self) -> Mapping[str, Total]:
        """Each number of Ballchasing's group body that some game tells, by ``group.name``."""
        return totals(TEAM_RULES, map(_of_side, self.sides))

    @cached_property
    def boost_averages(self) -> Mapping[str, Total]:
        """What the boost of its average game has alone."""
        return totals(TEAM_BOOST_AVERAGES, map(_of_side, self.sides))

    @cached_property
    def distance_averages(self) -> Mapping[str, Total]:
        """What the distances of its average game have alone."""
        return totals(TEAM_DISTANCE_AVERAGES, map(_of_side, self.sides))


def player_totals(games: Sequence[Game], teams: Sequence[Roster]) -> tuple[PlayerTotals, ...]:
    """Sum each player, in the order of names; bots have no account and no line."""
    parts: defaultdict[PlayerKey, list[PlayerGame]] = defaultdict(list)
    for game in games:
        for player in game.players:
            if not player.is_bot:
                parts[player.key].append(player)
    team_of = {key: roster.name for roster in teams for key in roster.keys}
    found = (_player(played, team_of.get(key, "")) for key, played in parts.items())
    return tuple(sorted(found, key=lambda each: (each.name.casefold(), each.key)))


def team_totals(games: Sequence[Game], teams: Sequence[Roster]) -> tuple[TeamTotals, ...]:
    """Sum each team, the one with the most wins first."""
    parts: defaultdict[Roster, list[Side]] = defaultdict(list)
    for game in games:
        for side in game.sides:
            roster = next((each for each in teams if each.fields(side)), None)
            if roster is not None:
                parts[roster].append(side)
    found = [_team(roster, sides) for roster, sides in parts.items()]
    return tuple(sorted(found, key=lambda each: (-each.record.wins, each.record.games)))


def _player(played: Sequence[PlayerGame], team: str) -> PlayerTotals:
    last = played[-1]
    return PlayerTotals(
        key=last.key,
        name=last.name,
        team=team,
        record=_record(each.won for each in played),
        play_duration_s=_play_s(played),
        played=tuple(played),
    )


def _team(roster: Roster, sides: Sequence[Side]) -> TeamTotals:
    return TeamTotals(
        roster=roster,
        record=_record(side.won for side in sides),
        play_duration_s=_play_s([player for side in sides for player in side.players]),
        sides=tuple(sides),
    )


def _record(results: Iterable[bool | None]) -> Record:
    ends = tuple(results)
    return Record(games=len(ends), wins=ends.count(True), decided=len(ends) - ends.count(None))


def _play_s(played: Iterable[PlayerGame]) -> int | None:
    known = [each.play_duration_s for each in played if each.play_duration_s is not None]
    return sum(known) if known else None


def _of_player(player: PlayerGame) -> Lookup:
    return lambda stat: player.play_duration_s if stat == PLAY else player.stats.get(stat)


def _of_side(side: Side) -> Lookup:
    """The sum over the players of whom it is known; what the team has once is its own."""

    def value(stat: str) -> float | None:
        if stat in _ONCE:
            return _once(side, stat)
        each = (_in_game(player, stat) for player in side.players)
        known = [found for found in each if found is not None]
        return single_sum(known) if known else None

    return value


def _once(side: Side, stat: str) -> float | None:
    """What the team states, else what its players repeat."""
    repeated = (player.stats.get(stat) for player in side.players)
    return side.stats.get(stat, next((each for each in repeated if each is not None), None))


def _in_game(player: PlayerGame, stat: str) -> float | None:
    """The number of one game; boost collected a minute by the whole seconds, as in a group."""
    lookup = _of_player(player)
    if stat != "boost.bcpm":
        return lookup(stat)
    found = PLAYER_RULES[stat].total([lookup])
    return found.value if found else None
