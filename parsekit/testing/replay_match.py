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
    names = [f"Synthetic {_NAMES[n % len(_NAMES)]}{n // len(_NAMES) or ''}" for n in range(99)]
    sides = names[:team_size], names[team_size : 2 * team_size]
    goals = tuple(_goals(chance, sides, overtime))
    blue = [_player(chance, n, name, goals) for n, name in enumerate(sides[0])]
    orange = [
        _player(chance, team_size + n, name, goals, bot=n >= team_size - bots)
        for n, name in enumerate(sides[1])
    ]
    return Match(
        blue=tuple(blue),
        orange=tuple(orange),
        goals=goals,
        play_s=goals[-1].clock_s if overtime else REGULAR_S,
        seed=seed,
    )


def _goals(
    chance: random.Random, sides: tuple[list[str], list[str]], overtime: bool
) -> Iterator[Goal]:
    winner = chance.randrange(2)
    order = [0, 1] if overtime else [winner, 1 - winner, winner]
    apart_s = REGULAR_S // (len(order) + 1)
    for n, side in enumerate(order, start=1):
        yield _goal(chance, sides, side, n * apart_s + chance.randint(-9, 9))
    if overtime:
        yield _goal(chance, sides, winner, REGULAR_S + chance.randint(20, 60))


def _goal(
    chance: random.Random, sides: tuple[list[str], list[str]], side: int, clock_s: int
) -> Goal:
    return Goal(clock_s=clock_s, scorer=chance.choice(sides[side]), side=1 if side else 0)


def _player(
    chance: random.Random, number: int, name: str, goals: tuple[Goal, ...], *, bot: bool = False
) -> Player:
    scored = sum(goal.scorer == name for goal in goals)
    assists, saves, missed = chance.randint(0, 1), chance.randint(0, 3), chance.randint(0, 3)
    return Player(
        name=name,
        steam_id=0 if bot else _FIRST_STEAM_ID + number,
        score=100 * scored + 50 * assists + 50 * saves + 20 * missed + chance.randint(20, 90),
        assists=assists,
        saves=saves,
        shots=scored + missed,
    )
