"""A match as a table shows it, read from whatever a parser answered.

Data have Ballchasing's shape by convention only: every part may be absent, or of another type, as
third-party parsers and old replays have it. What does not fit reads as None.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from parsekit.body.grades import known
from parsekit.body.reading import TEAMS, branch, goals_of, number, players_of, score_of, text
from parsekit.model import JsonObject


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
        goals=goals_of(team),
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
