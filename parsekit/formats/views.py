"""What ``--view`` and ``--by`` name: columns of one match and of a summary, rows of a summary."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class View(StrEnum):
    """What ``--view`` takes."""

    CORE = "core"
    BOOST = "boost"
    POSITIONS = "positions"
    MOVEMENT = "movement"
    DEMOS = "demos"
    ALL = "all"


class By(StrEnum):
    """What ``--by`` takes: a row of a summary is one of these."""

    PLAYER = "player"
    TEAM = "team"
    SERIES = "series"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A statistic as a column: ``stat`` is its group and name in the body.

    ``adds_up``: a team has the sum of its players, and an average game may have a fraction.
    """

    heading: str
    stat: str
    unit: str = ""
    decimals: int = 0
    adds_up: bool = False


def _count(heading: str, stat: str, unit: str = "") -> Figure:
    return Figure(heading=heading, stat=stat, unit=unit, adds_up=True)


def _rate(heading: str, stat: str, unit: str = "", decimals: int = 0) -> Figure:
    return Figure(heading=heading, stat=stat, unit=unit, decimals=decimals)


_SCORE = _count("Score", "core.score")
_GOALS = _count("Goals", "core.goals")
_BOOST_USED = _rate("Boost", "boost.bpm", "/min")
_SPEED = _rate("Speed", "movement.avg_speed", "uu/s")
_DEMOS = _count("Demos", "demo.inflicted")
_TAKEN = _count("Taken", "demo.taken")
_SUPERSONIC = _rate("Supersonic", "movement.percent_supersonic_speed", "%")
_BEHIND = _rate("Behind", "positioning.percent_behind_ball", "ball %")
_DEFENSIVE = _rate("Defensive", "positioning.percent_defensive_third", "third %")
_AVERAGE_BOOST = _rate("In tank", "boost.avg_amount", "of 100")
_EMPTY = _rate("Empty", "boost.percent_zero_boost", "%")
_AIR = _rate("High air", "movement.percent_high_air", "%")
_DISTANCE = _rate("To ball", "positioning.avg_distance_to_ball", "uu")

#: In the order in which a narrow terminal keeps them.
FIGURES: dict[View, tuple[Figure, ...]] = {
    View.CORE: (
        _SCORE,
        _GOALS,
        _count("Assists", "core.assists"),
        _count("Saves", "core.saves"),
        _count("Shots", "core.shots"),
        _rate("Shooting", "core.shooting_percentage", "%"),
        _BOOST_USED,
        _DEMOS,
        _SPEED,
    ),
    View.BOOST: (
        _BOOST_USED,
        _rate("Collected", "boost.bcpm", "/min"),
        _AVERAGE_BOOST,
        _EMPTY,
        _rate("Full", "boost.percent_full_boost", "%"),
        _count("Big pads", "boost.count_collected_big"),
        _count("Small pads", "boost.count_collected_small"),
        _count("Stolen", "boost.amount_stolen"),
        _count("Overfill", "boost.amount_overfill"),
        _count("Wasted", "boost.amount_used_while_supersonic", "at top speed"),
        _rate("0–25", "boost.percent_boost_0_25", "%"),
        _rate("25–50", "boost.percent_boost_25_50", "%"),
        _rate("50–75", "boost.percent_boost_50_75", "%"),
        _rate("75–100", "boost.percent_boost_75_100", "%"),
    ),
    View.POSITIONS: (
        _DEFENSIVE,
        _rate("Neutral", "positioning.percent_neutral_third", "third %"),
        _rate("Offensive", "positioning.percent_offensive_third", "third %"),
        _BEHIND,
        _rate("Last back", "positioning.percent_most_back", "%"),
        _rate("Foremost", "positioning.percent_most_forward", "%"),
        _rate("Closest", "positioning.percent_closest_to_ball", "to ball %"),
        _rate("Farthest", "positioning.percent_farthest_from_ball", "from ball %"),
        _DISTANCE,
        _rate("To mates", "positioning.avg_distance_to_mates", "uu"),
        _count("Conceded", "positioning.goals_against_while_last_defender", "as last man"),
    ),
    View.MOVEMENT: (
        _SPEED,
        _rate("Slow", "movement.percent_slow_speed", "%"),
        _rate("Boosting", "movement.percent_boost_speed", "%"),
        _SUPERSONIC,
        _rate("Ground", "movement.percent_ground", "%"),
        _rate("Low air", "movement.percent_low_air", "%"),
        _AIR,
        _count("Distance", "movement.total_distance", "uu"),
        _count("Powerslides", "movement.count_powerslide"),
        _rate("Length", "movement.avg_powerslide_duration", "s each", decimals=2),
    ),
    View.DEMOS: (_DEMOS, _TAKEN),
}


#: What a view borrows from others where the terminal is wide.
MORE: dict[View, tuple[Figure, ...]] = {
    View.CORE: (_AVERAGE_BOOST, _EMPTY, _SUPERSONIC, _BEHIND, _DEFENSIVE, _DISTANCE, _TAKEN),
    View.DEMOS: (_SCORE, _GOALS, _SPEED, _SUPERSONIC),
}


def sections(view: View) -> tuple[View, ...]:
    """The tables of a view: all of them, one below the other, or the one."""
    return tuple(FIGURES) if view is View.ALL else (view,)
