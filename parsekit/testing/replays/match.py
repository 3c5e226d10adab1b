"""Describe a match: who played, who scored when. The encoder makes a replay file of it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Side = Literal[0, 1]

#: Seconds of play before overtime.
REGULAR_S = 300
#: Below the first Steam id that belongs to a person, so that no player's id can come out.
_FIRST_STEAM_ID = 76561190000000001
_NAMES = ("Alpha", "Bravo", "Charlie", "Delta", "Echo", "Foxtrot", "Golf", "Hotel")


@dataclass(frozen=True, slots=True, kw_only=True)
class Player:
    """One line of the score board; goals are counted from `Match.goals`.

    ``steam_id`` 0 belongs to bots, who have no account.
    """

    name: str
    steam_id: int = 0
    score: int = 0
    assists: int = 0
    saves: int = 0
    shots: int = 0

    @property
    def bot(self) -> bool:
        """Whether the game itself plays this one."""
        return self.steam_id == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A goal after ``clock_s`` seconds of play, countdowns and celebrations not counted."""

    clock_s: float
    scorer: str
    side: Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A whole match; ``play_s`` counts seconds of play, more than 300 of them being overtime.

    ``seed`` makes the movements, and so the content of the file, another.
    """

    blue: tuple[Player, ...]
    orange: tuple[Player, ...]
    goals: tuple[Goal, ...] = ()
    play_s: float = REGULAR_S
    title: str = "Synthetic match"
    map_name: str = "Stadium_P"
    match_type: str = "Online"
    date: datetime = datetime(2026, 1, 2, 3, 4, 5)
    seed: int = 0

    def players(self) -> Iterator[tuple[Side, Player]]:
        """Everybody with the side they play for, blue first."""
        yield from ((0, player) for player in self.blue)
        yield from ((1, player) for player in self.orange)

    def goals_of(self, player: Player) -> int:
        """Count the goals of one player."""
        return sum(goal.scorer == player.name for goal in self.goals)

    def goals_for(self, side: Side) -> int:
        """Count the goals of one team."""
        return sum(goal.side == side for goal in self.goals)


def believable_match(
    *, seed: int = 0, team_size: int = 2, bots: int = 0, overtime: bool = False
) -> Match:
    """Invent a match; the same arguments give the same one.

    ``bots`` of the orange players, the last ones, are played by the game. With ``overtime`` the
    last goal falls after 300 seconds and decides.
    """
    chance = random.Random(seed)  # noqa: S311  (not for secrets)
    goals = tuple(_goals(chance, team_size, overtime=overtime))
    humans = 2 * team_size - bots
    players = [_player(chance, n, goals, bot=n >= humans) for n in range(2 * team_size)]
    return Match(
        blue=tuple(players[:team_size]),
        orange=tuple(players[team_size:]),
        goals=goals,
        play_s=goals[-1].clock_s if overtime else REGULAR_S,
        seed=seed,
    )


def _goals(chance: random.Random, team_size: int, *, overtime: bool) -> Iterator[Goal]:
    winner: Side = chance.choice((0, 1))
    loser: Side = 0 if winner else 1
    sides = [loser, winner] if overtime else [winner, loser, winner]
    apart_s = REGULAR_S // (len(sides) + 1)
    for number, side in enumerate(sides, start=1):
        yield _goal(chance, team_size, side, number * apart_s + chance.randint(-9, 9))
    if overtime:
        yield _goal(chance, team_size, winner, REGULAR_S + chance.randint(20, 60))


def _goal(chance: random.Random, team_size: int, side: Side, clock_s: int) -> Goal:
    scorer = _name(side * team_size + chance.randrange(team_size))
    return Goal(clock_s=clock_s, scorer=scorer, side=side)


def _player(chance: random.Random, number: int, goals: tuple[Goal, ...], *, bot: bool) -> Player:
    scored = sum(goal.scorer == _name(number) for goal in goals)
    assists, saves, missed = chance.randint(0, 1), chance.randint(0, 3), chance.randint(0, 3)
    return Player(
        name=_name(number),
        steam_id=0 if bot else _FIRST_STEAM_ID + number,
        score=100 * scored + 50 * assists + 50 * saves + 20 * missed + chance.randint(20, 90),
        assists=assists,
        saves=saves,
        shots=scored + missed,
    )


def _name(number: int) -> str:
    again, letter = divmod(number, len(_NAMES))
    return f"Synthetic {_NAMES[letter]}{again or ''}"
