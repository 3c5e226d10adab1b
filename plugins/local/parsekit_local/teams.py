"""Teams as the sums over their players that Ballchasing's are (relation 1 of the field notes)."""

from __future__ import annotations

from collections.abc import Sequence

from parsekit import JsonObject

from parsekit_local.published import published_sum

#: The summed leaves in Ballchasing's order. Shares, means over time and distances are not summed;
#: ``bpm``, ``bcpm`` and ``avg_amount`` are, so that a team's can exceed 100.
SUMMED: dict[str, tuple[str, ...]] = {
    "boost": (
        "bpm",
        "bcpm",
        "avg_amount",
        "amount_collected",
        "amount_stolen",
        "amount_collected_big",
        "amount_stolen_big",
        "amount_collected_small",
        "amount_stolen_small",
        "count_collected_big",
        "count_stolen_big",
        "count_collected_small",
        "count_stolen_small",
        "amount_overfill",
        "amount_overfill_stolen",
        "amount_used_while_supersonic",
        "time_zero_boost",
        "time_full_boost",
        "time_boost_0_25",
        "time_boost_25_50",
        "time_boost_50_75",
        "time_boost_75_100",
    ),
    "movement": (
        "total_distance",
        "time_supersonic_speed",
        "time_boost_speed",
        "time_slow_speed",
        "time_ground",
        "time_low_air",
        "time_high_air",
        "time_powerslide",
        "count_powerslide",
    ),
    "positioning": (
        "time_defensive_third",
        "time_neutral_third",
        "time_offensive_third",
        "time_defensive_half",
        "time_offensive_half",
        "time_behind_ball",
        "time_infront_ball",
    ),
    "demo": ("inflicted", "taken"),
}


def team_sums(player_stats: Sequence[JsonObject]) -> JsonObject:
    """Add up the stats of a team's players; a player who lacks a value adds nothing."""
    return {
        group: {
            leaf: published_sum(stats[group].get(leaf, 0) for stats in player_stats)
            for leaf in leaves
        }
        for group, leaves in SUMMED.items()
    }
