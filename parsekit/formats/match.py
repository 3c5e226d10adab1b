"""A match as a table shows it, read from whatever a parser answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from parsekit.body.grades import known, partial_stream
from parsekit.body.modes import mode_of
from parsekit.body.reading import (
    TEAMS,
    Color,
    branch,
    goals_of,
    is_mvp,
    number,
    players_of,
    score_of,
    stats_of,
    text,
    winner_of,
)
from parsekit.model import JsonObject

#: Who came this late, or left this early, was not there from beginning to end.
_MISSED_S = 2.0
#: The game's match type of a session without a match.
_TRAINING = "Training"
#: Playlists whose name says how many play.
_SIZED = ("Duels", "Doubles", "Standard", "Chaos")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayerOverview:
    """One line of a team.

    ``start_s`` and ``end_s`` are the player's first and last moment, ``was_whole`` that nothing of
    the match lies before or after them. ``stats`` has what is known, by ``group.name``.
    """

    name: str
    mvp: bool
    is_bot: bool
    rank: str | None
    car: str | None
    start_s: float | None
    end_s: float | None
    was_whole: bool
    stats: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """One side.

    ``score`` is the final one, None when nobody knows it; ``goals`` are those of the players, which
    own goals are not among. ``won`` is None when nobody knows the winner.
    """

    color: Color
    name: str | None
    score: float | None
    goals: float | None
    won: bool | None
    players: tuple[PlayerOverview, ...]
    stats: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalLine:
    """One goal. ``clock`` is what the scoreboard showed, ``score`` what it shows after the goal.

    ``assist`` is None where nobody gave one or nobody knows; ``is_own`` that the scorer plays for
    the other side.
    """

    time_s: float | None
    clock: str | None
    color: Color | None
    scorer: str
    assist: str | None
    is_own: bool
    score: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchOverview:
    """The facts that a table shows.

    ``stream`` tells how much of the network stream was read, where it was not all of it.
    ``ending`` is a word for one that is out of the ordinary.
    """

    title: str | None
    map: str | None
    mode: str | None
    short_mode: str | None
    date: str | None
    duration_s: float | None
    overtime: bool
    overtime_s: float | None
    ending: str | None
    stream: str | None
    is_training: bool
    teams: tuple[Team, ...]
    goals_listed: tuple[GoalLine, ...]

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
        shown = minutes(self.duration_s)
        return f"{shown}+" if shown and self.overtime else shown

    @property
    def day(self) -> str | None:
        """The date without its time."""
        return (self.date or "")[:10] or None


def match_of(data: JsonObject | None) -> MatchOverview:
    """Read what there is."""
    body = known(branch(data))
    winner, end_s = winner_of(body), _end_s(body)
    return MatchOverview(
        title=text(body.get("title")),
        map=text(body.get("map_name")) or text(body.get("map_code")),
        mode=_mode(body),
        short_mode=_short_mode(body),
        date=text(body.get("date")),
        duration_s=number(body.get("duration")),
        overtime=body.get("overtime") is True,
        overtime_s=number(body.get("overtime_seconds")),
        ending=_ending(body),
        stream=partial_stream(body),
        is_training=body.get("match_type") == _TRAINING,
        teams=tuple(_team(color, body, winner, end_s) for color in TEAMS),
        goals_listed=_goal_lines(body),
    )


def minutes(seconds: float | None) -> str | None:
    """Such as ``5:07``."""
    if seconds is None:
        return None
    whole, rest = divmod(int(seconds), 60)
    return f"{whole}:{rest:02}"


def with_zone(date: str) -> str:
    """Such as ``2026-03-10 18:55 UTC`` or ``… UTC+01:00``; another text as it is."""
    try:
        moment = datetime.fromisoformat(date)
    except ValueError:
        return date
    return f"{moment:%Y-%m-%d %H:%M} {moment.tzname() or ''}".rstrip()


def _mode(body: JsonObject) -> str | None:
    """The playlist, and what its name leaves open: the number of players, and the game."""
    if body.get("match_type") == _TRAINING:
        return _TRAINING
    playlist, mode = text(body.get("playlist_name")) or "", mode_of(body)
    if playlist.endswith(_SIZED):
        return playlist
    size, _, game = mode.partition(" ")
    left_open = size if game and game in playlist else mode
    return " ".join(filter(None, (playlist, left_open))) or None


def _short_mode(body: JsonObject) -> str | None:
    """Such as ``2v2 Ranked`` or ``3v3 Rumble``."""
    if body.get("match_type") == _TRAINING:
        return _TRAINING
    mode, first_word = mode_of(body), (text(body.get("playlist_name")) or "").partition(" ")[0]
    return mode if " " in mode else f"{mode} {first_word}".strip() or None


def _ending(body: JsonObject) -> str | None:
    if body.get("forfeit") is True:
        return "forfeit"
    return "not played to its end" if body.get("unfinished") is True else None


def _versus(sides: list[float | None]) -> str | None:
    return "-".join(f"{side:g}" for side in sides) if None not in sides else None


def _end_s(body: JsonObject) -> float | None:
    """The last moment of anybody."""
    everybody = [player for side in TEAMS for player in players_of(branch(body, side))]
    ends = [end for player in everybody if (end := number(player.get("end_time"))) is not None]
    return max(ends, default=None)


def _team(color: Color, body: JsonObject, winner: Color | None, end_s: float | None) -> Team:
    team = branch(body, color)
    return Team(
        color=color,
        name=text(team.get("name")),
        score=score_of(body, color),
        goals=goals_of(team),
        won=None if winner is None else winner == color,
        players=tuple(_player(player, end_s) for player in players_of(team)),
        stats=stats_of(team),
    )


def _player(player: JsonObject, match_end_s: float | None) -> PlayerOverview:
    start, end = number(player.get("start_time")), number(player.get("end_time"))
    late = start is not None and start > _MISSED_S
    left = end is not None and match_end_s is not None and end < match_end_s - _MISSED_S
    return PlayerOverview(
        name=text(player.get("name")) or "?",
        mvp=is_mvp(player),
        is_bot=player.get("id") == {},
        rank=_rank(branch(player, "rank")),
        car=text(player.get("car_name")),
        start_s=start,
        end_s=end,
        was_whole=not (late or left),
        stats=stats_of(player),
    )


def _rank(rank: JsonObject) -> str | None:
    """Such as ``GC1 div 2`` of ``Grand Champion I Division 2``; an unknown form as it is."""
    name = text(rank.get("name"))
    if name is None:
        return None
    tier, _, division = name.partition(" Division ")
    words = tier.split()
    place = {"I": "1", "II": "2", "III": "3"}.get(words[-1], "")
    short = "".join(word[0] for word in words[: len(words) - bool(place)]) + place
    if not place and len(words) == 1:
        return name
    return f"{short} div {division}" if division else short


def _goal_lines(body: JsonObject) -> tuple[GoalLine, ...]:
    goals = body.get("goals")
    tally = dict.fromkeys(TEAMS, 0)
    names = {
        color: {text(p.get("name")) for p in players_of(branch(body, color))} for color in TEAMS
    }
    lines = []
    for goal in goals if isinstance(goals, list) else ():
        row = branch(goal)
        color = next((each for each in TEAMS if each == row.get("team")), None)
        if color is not None:
            tally[color] += 1
        scorer = text(row.get("player")) or "?"
        others = {name for side in TEAMS if side != color for name in names[side]}
        lines.append(
            GoalLine(
                time_s=number(row.get("time")),
                clock=_goal_clock(row),
                color=color,
                scorer=scorer,
                assist=text(row.get("assist")),
                is_own=color is not None and scorer in others and scorer not in names[color],
                score="-".join(str(tally[each]) for each in TEAMS),
            )
        )
    return tuple(lines)


def _goal_clock(goal: JsonObject) -> str | None:
    shown = minutes(number(goal.get("clock")))
    return f"+{shown}" if shown and goal.get("overtime") is True else shown
