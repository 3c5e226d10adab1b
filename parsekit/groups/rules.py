"""How each number of a group follows from its games: the rules of Ballchasing's group body.

Recovered from a real body, in which every digit follows; ``docs/groups.md`` has the evidence. The
tables stand in the order of that body.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from parsekit.groups.single import share, single, single_sum

#: What a game, a player in a game or a team in a game has of ``group.name``; None when unknown.
Lookup = Callable[[str], float | None]
#: The length that divides rates and weighs means: whole seconds that were played.
PLAY = "play_duration"
#: Units a second of the fastest car.
_MAX_SPEED = 2300


@dataclass(frozen=True, slots=True)
class Total:
    """A number over several games, and of how many of them it is known.

    ``adds_up`` tells whether an average game has the total divided by ``games``.
    """

    value: float
    games: int
    adds_up: bool = False

    @property
    def average(self) -> float:
        """The number of one game."""
        return single(self.value / self.games) if self.adds_up else self.value


class Rule(Protocol):
    """Makes one number of the numbers of the games."""

    def total(self, games: Sequence[Lookup]) -> Total | None:
        """Make it of the games in which it is known; None when there is none."""


@dataclass(frozen=True, slots=True)
class Sum:
    """Counts, amounts, times and distances."""

    stat: str

    def total(self, games: Sequence[Lookup]) -> Total | None:
        """Add."""
        (values,) = _columns(games, self.stat)
        return Total(single_sum(values), len(values), adds_up=True) if values else None


@dataclass(frozen=True, slots=True)
class Mean:
    """Averages and rates that each game states: weighted by the time played."""

    stat: str
    scale: float = 1.0

    def total(self, games: Sequence[Lookup]) -> Total | None:
        """Weigh each game by its play duration."""
        values, played = _columns(games, self.stat, PLAY)
        weight = single_sum(played)
        if not weight:
            return None
        weighted = single_sum(single(single(v) * s) for v, s in zip(values, played, strict=True))
        return Total(single(single(weighted / weight) * self.scale), len(values))


@dataclass(frozen=True, slots=True)
class Share:
    """``scale`` x the sum of ``part`` / the sum of all of ``whole``."""

    part: str
    whole: tuple[str, ...]
    scale: float = 100

    def total(self, games: Sequence[Lookup]) -> Total | None:
        """Divide sums by sums; 0 of nothing, as in a game without shots."""
        parts, *wholes = _columns(games, self.part, *self.whole)
        if not parts:
            return None
        whole = single_sum(map(single_sum, wholes))
        return Total(share(single_sum(parts), whole, self.scale), len(parts))


@dataclass(frozen=True, slots=True)
class SpeedShare:
    """Percent of the fastest car's speed."""

    stat: str

    def total(self, games: Sequence[Lookup]) -> Total | None:
        """Take the mean speed in percent."""
        mean = Mean(self.stat).total(games)
        return mean and Total(share(mean.value, _MAX_SPEED, 100), mean.games)


def _columns(games: Sequence[Lookup], *stats: str) -> tuple[list[float], ...]:
    """A list a statistic, with the values of the games that know all of them."""
    columns: tuple[list[float], ...] = tuple([] for _ in stats)
    for game in games:
        row = [value for stat in stats if (value := game(stat)) is not None]
        if len(row) == len(stats):
            for column, value in zip(columns, row, strict=True):
                column.append(value)
    return columns


def totals(rules: Mapping[str, Rule], games: Iterable[Lookup]) -> dict[str, Total]:
    """Follow every rule; what is known of no game is left out."""
    each = tuple(games)
    found = ((name, rule.total(each)) for name, rule in rules.items())
    return {name: total for name, total in found if total is not None}


def _sums(group: str, names: str) -> dict[str, Rule]:
    return {f"{group}.{name}": Sum(f"{group}.{name}") for name in names.split()}


def _means(group: str, names: str) -> dict[str, Rule]:
    return {f"{group}.{name}": Mean(f"{group}.{name}") for name in names.split()}


def _family(group: str, *names: str) -> dict[str, Rule]:
    """Percents of the sum of these times, which are added in this order."""
    whole = tuple(f"{group}.time_{name}" for name in names)
    return {f"{group}.percent_{name}": Share(f"{group}.time_{name}", whole) for name in names}


def _of_play(name: str) -> dict[str, Rule]:
    return {f"boost.percent_{name}": Share(f"boost.time_{name}", (PLAY,))}


_CORE_SUMS = _sums("core", "shots shots_against goals goals_against saves assists score")
_SHOOTING = {"core.shooting_percentage": Share("core.goals", ("core.shots",))}
_AMOUNTS = _sums(
    "boost",
    """amount_collected amount_stolen amount_collected_big amount_stolen_big amount_collected_small
    amount_stolen_small count_collected_big count_stolen_big count_collected_small
    count_stolen_small""",
)
_FULL_TANKS = (
    _sums("boost", "time_zero_boost")
    | _of_play("zero_boost")
    | _sums("boost", "time_full_boost")
    | _of_play("full_boost")
    | _sums("boost", "amount_overfill amount_overfill_stolen amount_used_while_supersonic")
)
_BANDS = ("boost_0_25", "boost_25_50", "boost_50_75", "boost_75_100")
_BAND_TIMES = _sums("boost", " ".join(f"time_{band}" for band in _BANDS))
_MOVEMENT_SUMS = _sums(
    "movement",
    """total_distance time_supersonic_speed time_boost_speed time_slow_speed time_ground
    time_low_air time_high_air time_powerslide count_powerslide""",
)
_FIELD_TIMES = _sums(
    "positioning",
    """time_defensive_third time_neutral_third time_offensive_third time_defensive_half
    time_offensive_half time_behind_ball time_infront_ball""",
)
#: Added in the order of the field, and listed in another.
_THIRDS = _family("positioning", "defensive_third", "neutral_third", "offensive_third")
_DEMOS = _sums("demo", "inflicted taken")
_DISTANCES = tuple(
    f"positioning.avg_distance_to_ball{which}" for which in ("", "_possession", "_no_possession")
)

PLAYER_RULES: Mapping[str, Rule] = {
    **_CORE_SUMS,
    **_sums("core", "mvp"),
    **_SHOOTING,
    **_means("boost", "bpm"),
    "boost.bcpm": Share("boost.amount_collected", (PLAY,), scale=60),
    **_means("boost", "avg_amount"),
    **_AMOUNTS,
    **_FULL_TANKS,
    **_BAND_TIMES,
    **{name: rule for band in _BANDS for name, rule in _of_play(band).items()},
    **_means("movement", "avg_speed"),
    **_MOVEMENT_SUMS,
    # The sum of the games' averages: Ballchasing's own, and right only for one game.
    **_sums("movement", "avg_powerslide_duration"),
    "movement.avg_speed_percentage": SpeedShare("movement.avg_speed"),
    **_family("movement", "slow_speed", "boost_speed", "supersonic_speed"),
    **_family("movement", "ground", "low_air", "high_air"),
    **{stat: Mean(stat) for stat in _DISTANCES},
    **_FIELD_TIMES,
    **_sums(
        "positioning",
        """time_most_back time_most_forward goals_against_while_last_defender
        time_closest_to_ball time_farthest_from_ball""",
    ),
    **{
        f"positioning.percent_{third}": _THIRDS[f"positioning.percent_{third}"]
        for third in ("defensive_third", "offensive_third", "neutral_third")
    },
    **_family("positioning", "defensive_half", "offensive_half"),
    **_family("positioning", "behind_ball", "infront_ball"),
    **_DEMOS,
}

TEAM_RULES: Mapping[str, Rule] = {
    **_CORE_SUMS,
    **_SHOOTING,
    **_AMOUNTS,
    **_FULL_TANKS,
    **_BAND_TIMES,
    **_MOVEMENT_SUMS,
    **_FIELD_TIMES,
    **_DEMOS,
}

#: What only a team's average game has: the mean over the games of the sum over the players.
TEAM_BOOST_AVERAGES = _sums("boost", "bpm bcpm avg_amount")
#: The same; Ballchasing writes 0 into the team's totals of these.
TEAM_DISTANCE_AVERAGES: Mapping[str, Rule] = {stat: Sum(stat) for stat in _DISTANCES}

#: What Ballchasing forgets to divide by the games in a team's average.
NOT_DIVIDED = frozenset(
    f"boost.{name}"
    for name in (
        "time_full_boost",
        "amount_overfill",
        "amount_overfill_stolen",
        "amount_used_while_supersonic",
    )
)

#: The average length of a powerslide over all of them, where Ballchasing adds averages.
POWERSLIDE = Share("movement.time_powerslide", ("movement.count_powerslide",), scale=1)
