"""Ballchasing's statistics, computed from the columns of one replay.

One module a group; each function's code is the definition. What is known about every
definition, and how it was found, stands in ``docs/definitions.md`` of this distribution.
"""

from parsekit_local.statistics.match import MatchStatistics as MatchStatistics
from parsekit_local.statistics.match import PlayerStatistics as PlayerStatistics
from parsekit_local.statistics.match import compute as compute
from parsekit_local.statistics.team import TeamStatistics as TeamStatistics
from parsekit_local.statistics.team import team_sums as team_sums

__all__ = ["MatchStatistics", "PlayerStatistics", "TeamStatistics", "compute", "team_sums"]
