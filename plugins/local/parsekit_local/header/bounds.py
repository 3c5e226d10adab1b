"""Two relations of Ballchasing's bodies that its definitions alone break in very short matches.

The field notes have them for every real body, all of which are of whole matches. A time at zero
boost is booked when it ends, on whatever follows, so that it can exceed the lowest band when a
player picks up a big pad once in half a minute. The times as the team's last, first, nearest and
farthest are counted in tenths of all time, and their shares divided by a shorter clock.
"""

from __future__ import annotations

from collections.abc import Mapping

from parsekit_local.statistics.published import Group

_TIMED_BY_THE_SHORTER_CLOCK = (
    "most_back",
    "most_forward",
    "closest_to_ball",
    "farthest_from_ball",
)


def bounded(groups: Mapping[str, Group]) -> Mapping[str, Group]:
    """Hold a player's groups to both relations; all other values stay as they are."""
    return {
        **groups,
        "boost": _zero_within_lowest_band(groups["boost"]),
        "positioning": _shares_within_100(groups["positioning"]),
    }


def _zero_within_lowest_band(boost: Group) -> Group:
    most = boost["time_boost_0_25"]
    if boost["time_zero_boost"] <= most:
        return boost
    share = boost["percent_zero_boost"] * most / boost["time_zero_boost"]
    return {**boost, "time_zero_boost": most, "percent_zero_boost": share}


def _shares_within_100(positioning: Group) -> Group:
    found = dict(positioning)
    for name in _TIMED_BY_THE_SHORTER_CLOCK:
        share = positioning.get(f"percent_{name}", 0)
        if share > 100:  # noqa: PLR2004  (percent)
            found[f"time_{name}"] = round(100 * positioning[f"time_{name}"] / share, 2)
            found[f"percent_{name}"] = 100
    return found
