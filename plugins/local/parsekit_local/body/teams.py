"""The two teams of the body."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from parsekit import JsonObject
from parsekit_local.body.core import team_core
from parsekit_local.body.players import PlayerSources
from parsekit_local.body.published import published_all
from parsekit_local.statistics.published import Group
from parsekit_local.statistics.team import team_sums

COLORS = ("blue", "orange")

#: Every summed leaf of a team, in Ballchasing's order; a team without players has zeros.
_LEAVES: dict[str, str] = {
    "boost": (
        "bpm bcpm avg_amount amount_collected amount_stolen amount_collected_big amount_stolen_big "
        "amount_collected_small amount_stolen_small count_collected_big count_stolen_big "
        "count_collected_small count_stolen_small amount_overfill amount_overfill_stolen "
        "amount_used_while_supersonic time_zero_boost time_full_boost time_boost_0_25 "
        "time_boost_25_50 time_boost_50_75 time_boost_75_100"
    ),
    "movement": (
        "total_distance time_supersonic_speed time_boost_speed time_slow_speed time_ground "
        "time_low_air time_high_air time_powerslide count_powerslide"
    ),
    "positioning": (
        "time_defensive_third time_neutral_third time_offensive_third time_defensive_half "
        "time_offensive_half time_behind_ball time_infront_ball"
    ),
    "demo": "inflicted taken",
}


def team(
    number: int,
    *,
    name: str | None,
    sources: PlayerSources,
    entries: Sequence[JsonObject],
) -> JsonObject:
    """Write a team with its players ``entries``; what nothing is known of is empty."""
    statistics = sources.statistics
    return {
        "color": COLORS[number],
        **({"name": name} if name else {}),
        "players": list(entries),
        "stats": {
            "ball": published_all(statistics.ball[number]) if statistics else {},
            "core": team_core(number, sources.everybody) if sources.has_score else {},
            **_sums([entry["stats"] for entry in entries], is_known=statistics is not None),
        },
    }


def _sums(player_stats: Sequence[Mapping[str, Group]], *, is_known: bool) -> JsonObject:
    """Add up the players' groups; Ballchasing's team values are sums, the averages too."""
    if not is_known:
        return {name: {} for name in _LEAVES}
    sums = team_sums([{name: stats[name] for name in _LEAVES} for stats in player_stats])
    return {
        name: published_all({leaf: sums.get(name, {}).get(leaf, 0) for leaf in leaves.split()})
        for name, leaves in _LEAVES.items()
    }
