"""One game as group sums take it: who played on which side, for how long, with which numbers.

Read from a body of Ballchasing's shape. What the body calls absent itself, and what does not fit,
is not there: a number that is unknown is in no sum and no average.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from parsekit.body.grades import known, partial_stream
from parsekit.body.modes import mode_of
from parsekit.body.reading import (
    TEAMS,
    Color,
    branch,
    number,
    players_of,
    score_of,
    stats_of,
    text,
    winner_of,
)
from parsekit.groups.packed import PackedNumbers
from parsekit.model import JsonObject

#: Platform, id and local number of an account; of who has none, two empty texts and the name.
PlayerKey = tuple[str, str, str]
#: What makes players of two games the same one.
PlayerIdentification = Literal["by-id", "by-name"]

#: Who was there for less never had the ball in sight, and is listed for a seat alone.
_SHORTEST_PLAY_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayerGame:
    """One player in one game.

    ``play_duration_s`` is the time from the player's first to last moment, in whole seconds as
    Ballchasing counts them; None when unknown. ``won`` is None when nobody knows the winner.
    ``stats`` holds what is known, by ``group.name``; ``core.mvp`` is 1 or 0.
    """

    key: PlayerKey
    name: str
    is_bot: bool
    color: Color
    won: bool | None
    play_duration_s: int | None
    stats: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One team of one game. ``stats`` are what the body states of the team as a whole.

    ``club`` is the name that the game states, ``goals`` the final score. ``won`` as in
    `PlayerGame`.
    """

    club: str | None
    goals: float | None
    won: bool | None
    players: tuple[PlayerGame, ...]
    stats: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Game:
    """One game. ``mode`` is such as ``3v3`` or ``2v2 Hoops``; ``stream`` as in `MatchOverview`.

    ``match_id`` is the same for whoever recorded the match, None when unknown.
    """

    replay: str
    match_id: str | None
    mode: str
    playlist: str | None
    date: datetime | None
    duration_s: float | None
    winner: Color | None
    stream: str | None
    blue: Side
    orange: Side

    @property
    def sides(self) -> tuple[Side, Side]:
        """Blue and orange."""
        return self.blue, self.orange

    @property
    def players(self) -> Iterator[PlayerGame]:
        """Everybody of both sides, blue first."""
        for side in self.sides:
            yield from side.players


def game_of(data: JsonObject | None, *, replay: str = "") -> Game:
    """Read the body of one replay; never fails. ``replay`` names it in messages."""
    body = known(branch(data))
    winner = winner_of(body)
    blue, orange = (_side(body, color, winner) for color in TEAMS)
    return Game(
        replay=replay,
        match_id=text(body.get("match_guid")) or text(body.get("rocket_league_id")),
        mode=mode_of(body),
        playlist=text(body.get("playlist_id")),
        date=_date(body),
        duration_s=number(body.get("duration")),
        winner=winner,
        stream=partial_stream(body),
        blue=blue,
        orange=orange,
    )


def identified(games: Iterable[Game], how: PlayerIdentification) -> list[Game]:
    """The games with players who are told apart in this way."""
    return [_by_name(game) for game in games] if how == "by-name" else list(games)


def _by_name(game: Game) -> Game:
    def side(of: Side) -> Side:
        players = (replace(player, key=("", "", player.name)) for player in of.players)
        return replace(of, players=tuple(players))

    return replace(game, blue=side(game.blue), orange=side(game.orange))


def _date(body: JsonObject) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text(body.get("date")) or "")
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _side(body: JsonObject, color: Color, winner: Color | None) -> Side:
    team = branch(body, color)
    won = None if winner is None else winner == color
    return Side(
        club=text(team.get("name")),
        goals=score_of(body, color),
        won=won,
        players=tuple(_player(entry, color, won) for entry in players_of(team) if _played(entry)),
        stats=PackedNumbers(stats_of(team)),
    )


def _played(entry: JsonObject) -> bool:
    """Leave out who was never on the field and did nothing; keep those of whom nothing is known."""
    presence_s = _presence_s(entry)
    score = number(branch(entry, "stats", "core").get("score"))
    return presence_s is None or presence_s >= _SHORTEST_PLAY_S or bool(score)


def _player(entry: JsonObject, color: Color, won: bool | None) -> PlayerGame:
    identity = branch(entry, "id")
    name = text(entry.get("name")) or "?"
    platform, account = text(identity.get("platform")) or "", text(identity.get("id")) or ""
    local_number = number(identity.get("player_number")) or 0
    presence_s = _presence_s(entry)
    return PlayerGame(
        key=(platform, account, f"{local_number:g}") if account else ("", "", name),
        name=name,
        is_bot=entry.get("id") == {},
        color=color,
        won=won,
        play_duration_s=int(presence_s) if presence_s else None,
        stats=PackedNumbers(stats_of(entry)),
    )


def _presence_s(entry: JsonObject) -> float | None:
    start, end = number(entry.get("start_time")), number(entry.get("end_time"))
    return None if start is None or end is None else max(0.0, end - start)
