"""Series: games of two teams one after the other, such as ``SAN 3-0 DEN``.

Two games belong to one series when they are of one playlist and mode, the same teams play (one
player of each may have been substituted), little time lies between them, and the series is not
won yet: four wins end the longest that leagues play, best of seven.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from parsekit.groups.game import Game, PlayerKey, Side
from parsekit.groups.rosters import Roster, human_keys, roster_of

#: Longest time between the end of a game and the end of the next, without the next's own length:
#: a substitution, a restart of the lobby, a break that a league grants.
MAX_BREAK = timedelta(minutes=30)
#: Wins that end every series.
MAX_WINS = 4
#: Players of a team that may change between two games.
_MAX_SUBSTITUTES = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Games in the order in which they were played, with the wins of both teams.

    ``teams`` are the winner and the loser; in the order of the first game's colours when the
    series is not decided. ``best_of`` is None then.
    """

    games: tuple[Game, ...]
    teams: tuple[Roster, Roster]
    wins: tuple[int, int]

    @property
    def name(self) -> str:
        """Such as ``SAN 3-0 DEN``."""
        (first, second), (won, lost) = self.teams, self.wins
        return f"{first.label} {won}-{lost} {second.label}"

    @property
    def best_of(self) -> int | None:
        """The length that the wins decide: three wins are a best of five."""
        won, lost = self.wins
        return 2 * won - 1 if won > lost else None


@dataclass(slots=True)
class _Run:
    """A series that may go on; ``sides`` has both teams of each game, the same team first."""

    games: list[Game]
    sides: list[tuple[Side, Side]]

    @property
    def wins(self) -> tuple[int, int]:
        return (
            sum(bool(one.won) for one, _ in self.sides),
            sum(bool(other.won) for _, other in self.sides),
        )

    def takes(self, game: Game) -> bool:
        """Add the game if the series goes on with it."""
        last = self.games[-1]
        if (last.playlist, last.mode) != (game.playlist, game.mode) or not _follows(last, game):
            return False
        sides = _same_order(self.sides[-1], game)
        if sides is None or max(self.wins) >= MAX_WINS:
            return False
        self.games.append(game)
        self.sides.append(sides)
        return True

    def ended(self) -> Series:
        one, other = (roster_of(sides) for sides in zip(*self.sides, strict=True))
        mine, theirs = self.wins
        if theirs > mine:
            return Series(games=tuple(self.games), teams=(other, one), wins=(theirs, mine))
        return Series(games=tuple(self.games), teams=(one, other), wins=(mine, theirs))


def find_series(games: Iterable[Game]) -> tuple[Series, ...]:
    """Find every series of two games or more; games without a date are in none."""
    dated = [(game.date, game) for game in games if game.date is not None]
    runs: list[_Run] = []
    for _, game in sorted(dated, key=lambda each: (each[0], each[1].replay)):
        if not any(run.takes(game) for run in reversed(runs)):
            runs.append(_Run(games=[game], sides=[game.sides]))
    return tuple(run.ended() for run in runs if len(run.games) > 1)


def _follows(last: Game, game: Game) -> bool:
    if last.date is None or game.date is None:
        return False
    return game.date - last.date <= MAX_BREAK + timedelta(seconds=game.duration_s or 0)


def _same_order(before: tuple[Side, Side], game: Game) -> tuple[Side, Side] | None:
    """The sides of a game with the teams in the same order; None when others play."""
    orders = ((game.blue, game.orange), (game.orange, game.blue))
    return next((sides for sides in orders if _are_same_teams(before, sides)), None)


def _are_same_teams(before: tuple[Side, Side], now: tuple[Side, Side]) -> bool:
    """Whether both teams kept a player, changed one at most, and none with each other."""
    one, other, one_now, other_now = map(human_keys, (*before, *now))
    return (
        _is_same_team(one, one_now)
        and _is_same_team(other, other_now)
        and one.isdisjoint(other_now)
        and other.isdisjoint(one_now)
    )


def _is_same_team(before: frozenset[PlayerKey], now: frozenset[PlayerKey]) -> bool:
    changed = max(len(before - now), len(now - before))
    return not before.isdisjoint(now) and changed <= _MAX_SUBSTITUTES
