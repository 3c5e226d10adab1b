"""A match as the page shows it, read from whatever a parser answered.

Bodies have Ballchasing's shape by convention only: what is absent, of another type, or graded
``absent`` reads as None and is shown as unknown, never as 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from parsekit import Game, JsonObject, Outcome, Timeline, game_of
from parsekit_report.grades import ABSENT, FieldGrades

COLORS = ("blue", "orange")
#: Whoever came later or left earlier than this many seconds was not there all the time.
_LATE_S = 5.0
#: The game's own counts stand among the statistics under this name.
COUNTERS = "counters"
#: Numbers from here on are no statistic.
_ABSURD = 1e15

Stream = Literal["whole", "cut", "header only", "unknown"]
Numbers = Mapping[str, float]
#: As in `parsekit.PlayerGame`: platform, id and local number; of who has none, the name.
PlayerKey = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayerSheet:
    """One player of one match. ``stats`` has the known numbers by group, then by name.

    ``key`` tells the same player in other matches. ``team`` is 0 (blue) or 1 (orange).
    """

    key: PlayerKey
    name: str
    team: int
    mvp: bool
    rank: str | None
    start_s: float | None
    end_s: float | None
    stats: Mapping[str, Numbers]

    def number(self, group: str, name: str) -> float | None:
        """A statistic; None where it is not known."""
        return self.stats.get(group, {}).get(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamSheet:
    """One side. ``goals`` is its final score, None when nobody knows it."""

    team: int
    name: str
    goals: int | None
    players: tuple[PlayerSheet, ...]
    stats: Mapping[str, Numbers]

    @property
    def score(self) -> str:
        """Its goals as text, ``?`` when nobody knows them."""
        return "?" if self.goals is None else str(self.goals)

    @property
    def color(self) -> str:
        """The word that classes of the page end in."""
        return COLORS[self.team]


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchSheet:
    """All that a page says of one match.

    ``name`` is the file's, without the folder, which is nobody else's business. ``game`` is the
    match as sums take it: its mode, date, score and winner are those of the averages.
    """

    sha256: str
    replay: str
    name: str
    game: Game
    parser: str
    map_name: str | None
    mode: str | None
    date: str | None
    date_has_timezone: bool
    duration_s: float | None
    overtime_s: float | None
    overtime: bool
    forfeit: bool
    team_size: int | None
    stream: Stream
    teams: tuple[TeamSheet, TeamSheet]
    grades: FieldGrades
    warnings: tuple[str, ...]
    timeline: Timeline | None

    @property
    def players(self) -> tuple[PlayerSheet, ...]:
        """Everybody, blue first."""
        return self.teams[0].players + self.teams[1].players

    @property
    def winner(self) -> int | None:
        """The side that won; None for a draw, or where nobody knows."""
        return None if self.game.winner is None else COLORS.index(self.game.winner)

    def presence(self, player: PlayerSheet) -> str | None:
        """Who came late or left early, in words; None for all others."""
        if player.start_s is None or player.end_s is None or not self.duration_s:
            return None
        late = player.start_s > _LATE_S
        left = player.end_s < self.duration_s - _LATE_S
        if not late and not left:
            return None
        played = clock(player.end_s - player.start_s)
        if late and left:
            return f"substitute, played {played}"
        return f"came at {clock(player.start_s)}" if late else f"left at {clock(player.end_s)}"


def clock(seconds: float) -> str:
    """Minutes and seconds, such as ``5:07``."""
    minutes, rest = divmod(max(0, int(seconds)), 60)
    return f"{minutes}:{rest:02}"


def sheet_of(outcome: Outcome) -> MatchSheet:
    """Read what there is of a replay that was parsed."""
    body = outcome.data or {}
    grades = FieldGrades.of(body)
    known = _Known(body, grades)
    name = outcome.replay.rstrip("/").rpartition("/")[2]
    game = game_of(body, replay=name)
    return MatchSheet(
        sha256=outcome.hash,
        replay=outcome.replay,
        name=name,
        game=game,
        parser=f"{outcome.parser} {outcome.parser_version}",
        map_name=_text(known.get("map_name")),
        mode=_text(known.get("playlist_name")),
        date=_text(known.get("date")),
        date_has_timezone=known.get("date_has_timezone") is True,
        duration_s=_number(known.get("duration")),
        overtime_s=_number(known.get("overtime_seconds")),
        overtime=known.get("overtime") is True,
        forfeit=known.get("forfeit") is True,
        team_size=_whole(known.get("team_size")),
        stream=_stream(body),
        teams=(_team(0, body, game, grades), _team(1, body, game, grades)),
        grades=grades,
        warnings=outcome.warnings,
        timeline=outcome.timeline,
    )


class _Known:
    """The top level of a body without what is graded absent."""

    def __init__(self, body: JsonObject, grades: FieldGrades) -> None:
        self._body, self._grades = body, grades

    def get(self, name: str) -> object:
        return None if self._grades.at(name) == ABSENT else self._body.get(name)


def _stream(body: JsonObject) -> Stream:
    stream = _branch(body, "fidelity").get("stream")
    return stream if stream in ("whole", "cut", "header only") else "unknown"


def _team(team: int, body: JsonObject, game: Game, grades: FieldGrades) -> TeamSheet:
    branch, goals = _branch(body, COLORS[team]), game.sides[team].goals
    return TeamSheet(
        team=team,
        name=_text(branch.get("name")) or COLORS[team].capitalize(),
        goals=None if goals is None else int(goals),
        players=tuple(_players(team, branch, grades)),
        stats=_stats(branch, "teams", grades),
    )


def _players(team: int, branch: JsonObject, grades: FieldGrades) -> Iterator[PlayerSheet]:
    players = branch.get("players")
    for player in players if isinstance(players, list) else ():
        if isinstance(player, dict):
            yield _player(team, player, grades)


def _player(team: int, player: JsonObject, grades: FieldGrades) -> PlayerSheet:
    def known(name: str) -> object:
        return None if grades.at(f"players.{name}") == ABSENT else player.get(name)

    account = _branch(player, "id")
    name = _text(player.get("name")) or "?"
    platform, identity = _text(account.get("platform")) or "", _text(account.get("id"))
    local_number = _number(account.get("player_number")) or 0
    rank = known("rank")
    return PlayerSheet(
        key=(platform, identity, f"{local_number:g}") if identity else ("", "", name),
        name=name,
        team=team,
        mvp=known("mvp") is True,
        rank=_text(rank.get("name")) if isinstance(rank, dict) else None,
        start_s=_number(known("start_time")),
        end_s=_number(known("end_time")),
        stats={**_stats(player, "players", grades), COUNTERS: _counters(player)},
    )


def _stats(branch: JsonObject, path: str, grades: FieldGrades) -> Mapping[str, Numbers]:
    return {
        group: {
            name: value
            for name, raw in numbers.items()
            if (value := _number(raw)) is not None
            and grades.at(f"{path}.stats.{group}.{name}") != ABSENT
        }
        for group, numbers in _branch(branch, "stats").items()
        if isinstance(numbers, dict)
    }


def _counters(player: JsonObject) -> Numbers:
    counts = _branch(player, "game_counters")
    return {name: value for name, raw in counts.items() if (value := _number(raw)) is not None}


def _branch(value: JsonObject, key: str) -> JsonObject:
    below = value.get(key)
    return below if isinstance(below, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if abs(value) < _ABSURD else None


def _whole(value: object) -> int | None:
    number = _number(value)
    return None if number is None else int(number)
