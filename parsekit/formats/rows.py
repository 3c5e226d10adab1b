"""One flat row a player, for spreadsheets and data frames.

Names, order and types of the columns are stable: new ones are added at the end. Statistics carry
Ballchasing's names; all groups but `core` stand before the name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from parsekit.body.grades import known
from parsekit.body.reading import TEAMS, branch, number, players_of, score_of
from parsekit.model import JsonObject, Outcome

Kind = Literal["text", "integer", "number", "boolean"]
Value = str | int | float | bool | None
Row = tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """A column's name and the type of all its values; what is unknown is None."""

    name: str
    kind: Kind


_REPLAY = (
    *(Column(name, "text") for name in ("replay", "hash", "parser", "parser_version")),
    *(Column(name, "text") for name in ("title", "date", "map_code", "map_name", "playlist_id")),
    Column("duration_s", "number"),
    Column("overtime", "boolean"),
)
_TEAM = (Column("team", "text"), Column("team_name", "text"), Column("team_goals", "integer"))
_PLAYER = (
    *(Column(name, "text") for name in ("player", "platform", "player_id", "car")),
    Column("mvp", "boolean"),
)
_CORE = "score goals assists saves shots shots_against goals_against"
_BOOST = """
    bpm bcpm avg_amount amount_collected amount_stolen amount_collected_big amount_stolen_big
    amount_collected_small amount_stolen_small count_collected_big count_stolen_big
    count_collected_small count_stolen_small amount_overfill amount_overfill_stolen
    amount_used_while_supersonic time_zero_boost percent_zero_boost time_full_boost
    percent_full_boost time_boost_0_25 time_boost_25_50 time_boost_50_75 time_boost_75_100
    percent_boost_0_25 percent_boost_25_50 percent_boost_50_75 percent_boost_75_100
"""
_MOVEMENT = """
    avg_speed total_distance time_supersonic_speed time_boost_speed time_slow_speed time_ground
    time_low_air time_high_air time_powerslide count_powerslide avg_powerslide_duration
    avg_speed_percentage percent_slow_speed percent_boost_speed percent_supersonic_speed
    percent_ground percent_low_air percent_high_air
"""
_POSITIONING = """
    avg_distance_to_ball avg_distance_to_ball_possession avg_distance_to_ball_no_possession
    avg_distance_to_mates time_defensive_third time_neutral_third time_offensive_third
    time_defensive_half time_offensive_half time_behind_ball time_infront_ball time_most_back
    time_most_forward time_closest_to_ball time_farthest_from_ball percent_defensive_third
    percent_offensive_third percent_neutral_third percent_defensive_half percent_offensive_half
    percent_behind_ball percent_infront_ball percent_most_back percent_most_forward
    percent_closest_to_ball percent_farthest_from_ball goals_against_while_last_defender
"""


def _is_count(name: str) -> bool:
    return name.startswith("count_") or name == "goals_against_while_last_defender"


#: Column, group and name of each statistic of a player.
_STATS = (
    *((Column(name, "integer"), "core", name) for name in _CORE.split()),
    (Column("shooting_percentage", "number"), "core", "shooting_percentage"),
    *(
        (Column(f"{group}_{name}", "integer" if _is_count(name) else "number"), group, name)
        for group, names in (
            ("boost", _BOOST),
            ("movement", _MOVEMENT),
            ("positioning", _POSITIONING),
        )
        for name in names.split()
    ),
    *((Column(f"demo_{name}", "integer"), "demo", name) for name in ("inflicted", "taken")),
)

_LATER = (Column("player_number", "integer"), Column("warnings", "text"))

COLUMNS = (*_REPLAY, *_TEAM, *_PLAYER, *(column for column, _, _ in _STATS), *_LATER)


def rows_of(outcome: Outcome) -> Iterator[Row]:
    """One row a player; none for a replay that failed."""
    body = known(branch(outcome.data))
    replay = _replay(outcome, body)
    warnings = "; ".join(outcome.warnings) or None
    for color in TEAMS:
        team = branch(body, color)
        side = (color, team.get("name"), score_of(body, color))
        for player in players_of(team):
            later = (branch(player, "id").get("player_number"), warnings)
            values = (*replay, *side, *_player(player), *later)
            yield tuple(map(_fitting, values, COLUMNS))


def _replay(outcome: Outcome, body: JsonObject) -> tuple[Any, ...]:
    names = ("title", "date", "map_code", "map_name", "playlist_id", "duration", "overtime")
    known = (outcome.replay, outcome.hash, outcome.parser_shown, outcome.parser_version)
    return (*known, *(body.get(name) for name in names))


def _player(player: JsonObject) -> tuple[Any, ...]:
    identity = branch(player, "id")
    core = branch(player, "stats", "core")
    facts = (player.get("name"), identity.get("platform"), identity.get("id"))
    stats = (branch(player, "stats", group).get(name) for _, group, name in _STATS)
    return (*facts, player.get("car_name"), core.get("mvp"), *stats)


def _fitting(value: object, column: Column) -> Value:
    """The value in the column's type, None when it is of another."""
    if column.kind == "text":
        return _encodable(value) if isinstance(value, str) else None
    if column.kind == "boolean":
        return value if isinstance(value, bool) else None
    found = number(value)
    if found is None or column.kind == "number":
        return found if found is None else float(found)
    return int(found) if found == int(found) else None


def _encodable(value: str) -> str:
    """Bytes of a path that are no UTF-8 stand in Python as half characters, which no file takes."""
    return value.encode("utf-8", "backslashreplace").decode()
