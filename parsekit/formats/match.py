"""A match as a table shows it, read from whatever a parser answered.

Data have Ballchasing's shape by convention only: every part may be absent, or of another type, as
third-party parsers and old replays have it. What does not fit reads as None.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from parsekit.formats.grades import known
from parsekit.model import JsonObject

TEAMS: tuple[Literal["blue", "orange"], ...] = ("blue", "orange")
#: Numbers from here on, infinity and not-a-number are no statistic, and fit no column.
ABSURD = 2**63


def text(value: object) -> str | None:
    """A text, None for anything else and for an empty one."""
    return value if isinstance(value, str) and value else None


def number(value: object) -> float | None:
    """An integer or a float as it is, None for anything else and for an absurd one."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if abs(value) < ABSURD else None


def branch(value: object, *keys: str) -> JsonObject:
    """The object below these keys; an empty one when it is not there."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayerOverview:
    """One line of a team. ``bpm`` is boost a minute, ``speed`` the average in units a second."""

    name: str
    mvp: bool
    score: float | None
    goals: float | None
    assists: float | None
    saves: float | None
    shots: float | None
    bpm: float | None
    speed: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """One side.

    ``score`` is the final one, None when nobody knows it; ``goals`` are those of the players, which
    own goals are not among.
    """

    color: str
    name: str | None
    score: float | None
    goals: float | None
    players: tuple[PlayerOverview, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchOverview:
    """The facts that a table shows.

    ``stream`` tells how much of the network stream was read, where it was not all of it.
    """

    title: str | None
    map: str | None
    mode: str | None
    date: str | None
    duration_s: float | None
    overtime: bool
    stream: str | None
    teams: tuple[Team, ...]

    @property
    def score(self) -> str | None:
        """Such as ``3-1``, blue first; None when a side's is unknown."""
        return _versus([team.score for team in self.teams])

    @property
    def goals(self) -> str | None:
        """The same of the players' goals."""
        return _versus([team.goals for team in self.teams])

    @property
    def clock(self) -> str | None:
        """Minutes and seconds, with a plus sign after an overtime."""
        if self.duration_s is None:
            return None
        minutes, seconds = divmod(int(self.duration_s), 60)
        return f"{minutes}:{seconds:02}{'+' if self.overtime else ''}"


def match_of(data: JsonObject | None) -> MatchOverview:
    """Read what there is."""
    whole = branch(data)
    body = known(whole)
    stream = text(branch(whole, "fidelity").get("stream"))
    return MatchOverview(
        title=text(body.get("title")),
        map=text(body.get("map_name")) or text(body.get("map_code")),
        mode=text(body.get("playlist_name")) or _sides(body.get("team_size")),
        date=text(body.get("date")),
        duration_s=number(body.get("duration")),
        overtime=body.get("overtime") is True,
        stream=stream if stream != "whole" else None,
        teams=tuple(_team(color, body) for color in TEAMS),
    )


def players_of(team: JsonObject) -> Iterator[JsonObject]:
    """The player objects of a team's object."""
    players = team.get("players")
    yield from (p for p in (players if isinstance(players, list) else ()) if isinstance(p, dict))


def score_of(body: JsonObject, color: str) -> float | None:
    """A side's final score: the one that the parser states, else its goals."""
    stated = number(branch(body, "final_score").get(color))
    return stated if stated is not None else _goals(branch(body, color))


def winner_of(body: JsonObject) -> Literal["blue", "orange"] | None:
    """The side that won: with more points; after a draw, as in a forfeit, the most valuable one's.

    None when neither tells.
    """
    scores = [score_of(body, color) for color in TEAMS]
    for color, score, other in zip(TEAMS, scores, scores[::-1], strict=True):
        if score is not None and other is not None and score > other:
            return color
    if scores[0] != scores[1]:
        return None
    return next(
        (color for color in TEAMS if any(map(_is_mvp, players_of(branch(body, color))))), None
    )


def _is_mvp(player: JsonObject) -> bool:
    return player.get("mvp") is True or branch(player, "stats", "core").get("mvp") is True


def _goals(team: JsonObject) -> float | None:
    """Goals of a team's object: those stated, else the sum of its players'."""
    stated = number(branch(team, "stats", "core").get("goals"))
    if stated is not None:
        return stated
    goals = [number(branch(p, "stats", "core").get("goals")) for p in players_of(team)]
    known = [one for one in goals if one is not None]
    return sum(known) if known else None


def _sides(team_size: object) -> str | None:
    size = number(team_size)
    return f"{size:g}v{size:g}" if size is not None else None


def _versus(sides: list[float | None]) -> str | None:
    return "-".join(f"{side:g}" for side in sides) if None not in sides else None


def _team(color: str, body: JsonObject) -> Team:
    team = branch(body, color)
    return Team(
        color=color,
        name=text(team.get("name")),
        score=score_of(body, color),
        goals=_goals(team),
        players=tuple(_player(player) for player in players_of(team)),
    )


def _player(player: JsonObject) -> PlayerOverview:
    core: dict[str, Any] = branch(player, "stats", "core")
    return PlayerOverview(
        name=text(player.get("name")) or "?",
        mvp=core.get("mvp") is True,
        score=number(core.get("score")),
        goals=number(core.get("goals")),
        assists=number(core.get("assists")),
        saves=number(core.get("saves")),
        shots=number(core.get("shots")),
        bpm=number(branch(player, "stats", "boost").get("bpm")),
        speed=number(branch(player, "stats", "movement").get("avg_speed")),
    )
