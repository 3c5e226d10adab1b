"""Team statistics: sums over the players."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from parsekit_local.statistics.published import Group, single, total

#: The groups ``boost``, ``movement``, ``positioning`` and ``demo`` of a team.
TeamStatistics: TypeAlias = Mapping[str, Group]

#: What Ballchasing publishes for teams, besides all ``time_…``, ``count_…`` and ``amount_…``.
_ALSO_SUMMED = frozenset(("bpm", "bcpm", "avg_amount", "total_distance", "inflicted", "taken"))

#: Times that are published for players alone.
_PLAYERS_ONLY = frozenset(
    ("time_most_back", "time_most_forward", "time_closest_to_ball", "time_farthest_from_ball")
)


def team_sums(players: Sequence[Mapping[str, Group]]) -> TeamStatistics:
    """Add up the groups of a team's players, field by field, averages included.

    Give the players in the order of the body: it shows in the last digit of the sums.
    """
    names = dict.fromkeys(name for player in players for name in player)
    return {name: _sum([player[name] for player in players if name in player]) for name in names}


def _sum(groups: Sequence[Group]) -> Group:
    fields = dict.fromkeys(name for group in groups for name in group if _is_summed(name))
    return {name: _total([group.get(name, 0) for group in groups]) for name in fields}


def _is_summed(name: str) -> bool:
    by_kind = name.startswith(("time_", "count_", "amount_")) and name not in _PLAYERS_ONLY
    return by_kind or name in _ALSO_SUMMED


def _total(values: Sequence[float]) -> float:
    if all(isinstance(value, int) for value in values):
        return sum(values)
    return single(total(values))
