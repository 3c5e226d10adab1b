"""Ballchasing's groups of statistics as tables, tinted by column in the direction that is good."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean
from typing import Literal

from parsekit_report.grades import MEANINGS, FieldGrades
from parsekit_report.sheet import COUNTERS, MatchSheet, Numbers, PlayerSheet

#: Whether more of a statistic is better (1), worse (-1), or a matter of style (0).
Direction = Literal[1, 0, -1]


@dataclass(frozen=True, slots=True)
class Statistic:
    """A column: Ballchasing's name, ours, its unit, and how to read it."""

    name: str
    label: str
    unit: str = ""
    better: Direction = 0
    digits: int = 0
    scale: float = 1.0


def _seconds(name: str, label: str, better: Direction = 0) -> Statistic:
    return Statistic(name, label, "s", better, 1)


def _percent(name: str, label: str, better: Direction = 0) -> Statistic:
    return Statistic(name, label, "%", better, 1)


#: uu are centimetres.
_METRES = 0.01
#: The groups in Ballchasing's order; the names are those of its API.
TABLES: tuple[tuple[str, str, tuple[Statistic, ...]], ...] = (
    (
        "core",
        "Core",
        (
            Statistic("score", "Score", "", 1),
            Statistic("goals", "Goals", "", 1),
            Statistic("assists", "Assists", "", 1),
            Statistic("saves", "Saves", "", 1),
            Statistic("shots", "Shots", "", 1),
            Statistic("shots_against", "Shots against", "", -1),
            Statistic("goals_against", "Goals against", "", -1),
            _percent("shooting_percentage", "Shooting", 1),
        ),
    ),
    (
        "boost",
        "Boost",
        (
            Statistic("bpm", "Boost per minute"),
            Statistic("bcpm", "Collected per minute", "", 1),
            Statistic("avg_amount", "Mean boost", "", 1, 1),
            Statistic("amount_collected", "Boost collected", "", 1),
            Statistic("amount_collected_big", "From big pads"),
            Statistic("amount_collected_small", "From small pads"),
            Statistic("count_collected_big", "Big pads"),
            Statistic("count_collected_small", "Small pads"),
            Statistic("amount_stolen", "Boost stolen", "", 1),
            Statistic("count_stolen_big", "Big pads stolen", "", 1),
            Statistic("count_stolen_small", "Small pads stolen", "", 1),
            Statistic("amount_overfill", "Overfill", "", -1),
            Statistic("amount_overfill_stolen", "Overfill stolen"),
            Statistic("amount_used_while_supersonic", "Used while supersonic", "", -1),
            _seconds("time_zero_boost", "Empty", -1),
            _percent("percent_zero_boost", "Empty tank", -1),
            _seconds("time_full_boost", "Full"),
            _percent("percent_full_boost", "Full tank"),
            _percent("percent_boost_0_25", "0–25"),
            _percent("percent_boost_25_50", "25–50"),
            _percent("percent_boost_50_75", "50–75"),
            _percent("percent_boost_75_100", "75–100"),
        ),
    ),
    (
        "movement",
        "Movement",
        (
            Statistic("avg_speed", "Mean speed", "m/s", 1, 1, _METRES),
            Statistic("total_distance", "Distance", "m", 0, 0, _METRES),
            _percent("percent_supersonic_speed", "Supersonic", 1),
            _percent("percent_boost_speed", "Boost speed"),
            _percent("percent_slow_speed", "Slow", -1),
            _percent("percent_ground", "On the ground"),
            _percent("percent_low_air", "Low in the air"),
            _percent("percent_high_air", "High in the air"),
            Statistic("count_powerslide", "Powerslides"),
            _seconds("time_powerslide", "Powersliding"),
            Statistic("avg_powerslide_duration", "Mean powerslide", "s", 0, 2),
        ),
    ),
    (
        "positioning",
        "Positioning",
        (
            _percent("percent_defensive_third", "Defensive third"),
            _percent("percent_neutral_third", "Middle third"),
            _percent("percent_offensive_third", "Attacking third"),
            _percent("percent_behind_ball", "Behind the ball"),
            _percent("percent_infront_ball", "Ahead of the ball"),
            _percent("percent_most_back", "Last back"),
            _percent("percent_most_forward", "Furthest forward"),
            _percent("percent_closest_to_ball", "Closest to ball"),
            _percent("percent_farthest_from_ball", "Farthest from ball"),
            Statistic("avg_distance_to_ball", "Distance to ball", "m", 0, 1, _METRES),
            Statistic(
                "avg_distance_to_ball_possession", "To ball, own possession", "m", 0, 1, _METRES
            ),
            Statistic("avg_distance_to_ball_no_possession", "To ball, theirs", "m", 0, 1, _METRES),
            Statistic("avg_distance_to_mates", "Distance to mates", "m", 0, 1, _METRES),
        ),
    ),
    (
        "demo",
        "Demolitions",
        (
            Statistic("inflicted", "Demos inflicted", "", 1),
            Statistic("taken", "Demos taken", "", -1),
        ),
    ),
    (
        COUNTERS,
        "Counted by the game itself",
        (
            Statistic("epic_saves", "Epic saves", "", 1),
            Statistic("clears", "Clears", "", 1),
            Statistic("centers", "Centers", "", 1),
            Statistic("first_touches", "First touches", "", 1),
            Statistic("ball_touches", "Touches", "", 1),
            Statistic("aerial_hits", "Aerial hits", "", 1),
            Statistic("flip_resets", "Flip resets"),
            Statistic("crossbar_hits", "Crossbar hits"),
            Statistic("bicycle_hits", "Bicycle hits"),
            Statistic("juggle_hits", "Juggles"),
            Statistic("pool_shots", "Pool shots"),
            Statistic("boost_pickups", "Pads taken"),
            Statistic("car_touches", "Touches of cars"),
            Statistic("demolishes", "Demos inflicted", "", 1),
            Statistic("times_demolished", "Demos taken", "", -1),
            Statistic("high_fives", "High fives"),
            Statistic("low_fives", "Low fives"),
        ),
    ),
)
#: Each of them by group and name.
STATISTICS: Mapping[tuple[str, str], Statistic] = {
    (group, each.name): each for group, _, statistics in TABLES for each in statistics
}

#: A column whose values differ by less than this share of their mean is not tinted.
_ALIKE = 0.02
#: Deviations from the mean at which a cell is tinted lightly, and fully.
_LIGHT, _FULL = 0.6, 1.2


@dataclass(frozen=True, slots=True)
class StatCell:
    """A value as text, as a number to sort by, and its tint: ``g2`` (good) to ``b2``, or ""."""

    text: str
    sort: str
    tint: str


@dataclass(frozen=True, slots=True)
class StatColumn:
    """A column's head. ``sign`` and ``meaning`` tell its grade."""

    label: str
    unit: str
    sign: str
    meaning: str


@dataclass(frozen=True, slots=True)
class StatRow:
    """A player's or a team's line; ``team`` is None for who was in both."""

    name: str
    team: int | None
    cells: tuple[StatCell, ...]


@dataclass(frozen=True, slots=True)
class StatTable:
    """One group of statistics."""

    title: str
    columns: tuple[StatColumn, ...]
    players: tuple[StatRow, ...]
    teams: tuple[StatRow, ...]


def tables_of(sheet: MatchSheet) -> tuple[StatTable, ...]:
    """All groups of which anything is known of anybody."""
    return tuple(_tables(sheet))


def _tables(sheet: MatchSheet) -> Iterator[StatTable]:
    for group, title, statistics in TABLES:
        known = [
            each
            for each in statistics
            if any(player.number(group, each.name) is not None for player in sheet.players)
        ]
        if known:
            yield StatTable(
                title,
                tuple(_column(each, group, sheet.grades) for each in known),
                tuple(_player_rows(sheet.players, group, known)),
                tuple(_team_rows(sheet, group, known)),
            )


def _column(statistic: Statistic, group: str, grades: FieldGrades) -> StatColumn:
    if group == COUNTERS:  # said by the game, or not there: nothing is computed
        return StatColumn(statistic.label, statistic.unit, "", "")
    grade = grades.at(f"players.stats.{group}.{statistic.name}")
    sign, meaning = MEANINGS[grade]
    return StatColumn(statistic.label, statistic.unit, sign, f"{grade}: {meaning}")


def _player_rows(
    players: Sequence[PlayerSheet], group: str, statistics: Sequence[Statistic]
) -> Iterator[StatRow]:
    spreads = [
        spread([player.number(group, each.name) for player in players]) for each in statistics
    ]
    for player in players:
        cells = tuple(
            cell_of(player.number(group, each.name), each, spread)
            for each, spread in zip(statistics, spreads, strict=True)
        )
        yield StatRow(player.name, player.team, cells)


def _team_rows(sheet: MatchSheet, group: str, statistics: Sequence[Statistic]) -> Iterator[StatRow]:
    for team in sheet.teams:
        numbers: Numbers = team.stats.get(group, {})
        if any(each.name in numbers for each in statistics):
            cells = tuple(cell_of(numbers.get(each.name), each, None) for each in statistics)
            yield StatRow(team.name, team.team, cells)


#: Mean and deviation of a column.
Spread = tuple[float, float]


def spread(values: Sequence[float | None]) -> Spread | None:
    """None where a tint would say nothing: of one value, or where all are alike."""
    known = [each for each in values if each is not None]
    if len(known) < 2:  # noqa: PLR2004  (a deviation takes two)
        return None
    mean = fmean(known)
    deviation = sqrt(fmean((each - mean) ** 2 for each in known))
    return (mean, deviation) if deviation > _ALIKE * max(abs(mean), 1e-9) else None


def cell_of(value: float | None, statistic: Statistic, spread: Spread | None) -> StatCell:
    """A cell; what is not known is a dash that sorts last."""
    if value is None:
        return StatCell("–", "", "")
    return StatCell(shown(value, statistic), f"{value:g}", _tint(value, statistic, spread))


def shown(value: float, statistic: Statistic) -> str:
    """A value in the column's unit."""
    return f"{value * statistic.scale:,.{statistic.digits}f}".replace(",", "\u202f")


def number_shown(player: PlayerSheet, group: str, name: str) -> str:
    """A player's statistic in its column's unit; a dash where it is not known."""
    value = player.number(group, name)
    return "–" if value is None else shown(value, STATISTICS[group, name])


def _tint(value: float, statistic: Statistic, spread: Spread | None) -> str:
    if spread is None:
        return ""
    mean, deviation = spread
    away = (value - mean) / deviation
    strength = "2" if abs(away) >= _FULL else "1" if abs(away) >= _LIGHT else ""
    if not strength:
        return ""
    if statistic.better == 0:
        return f"n{strength}" if away > 0 else ""
    return f"{'g' if away * statistic.better > 0 else 'b'}{strength}"
