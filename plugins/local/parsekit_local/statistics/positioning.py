"""Positioning: where a car was on the field, and relative to the ball.

Places are seen from the player's own goal: y grows towards the opponents' goal.
"""

from __future__ import annotations

import numpy as np

from parsekit_local.statistics.ball import ball_at
from parsekit_local.statistics.published import Group, with_percents
from parsekit_local.statistics.thresholds import THIRD_Y
from parsekit_local.statistics.updates import Motion, length
from parsekit_local.stream.frames import Bools, Floats, Ints, PlayerTrack, RigidBodies

_THIRDS = ("defensive_third", "offensive_third", "neutral_third")
_HALVES = ("defensive_half", "offensive_half")
_SIDES = ("behind_ball", "infront_ball")


def positioning(player: PlayerTrack, moves: Motion, ball: RigidBodies) -> dict[str, float]:
    """Compute the times by place of one player; those by ball only where there is one."""
    direction = -1 if player.team else 1
    found = with_percents(_times(moves, direction), _THIRDS, _HALVES)
    if len(ball):
        found |= with_percents(_times_by_ball(moves, ball, direction), _SIDES)
    return found


def _times(moves: Motion, direction: int) -> dict[str, float]:
    y = moves.position[:, 1] * direction
    return {
        "defensive_third": _booked(moves, y < -THIRD_Y),
        "neutral_third": _booked(moves, np.abs(y) <= THIRD_Y),
        "offensive_third": _booked(moves, y > THIRD_Y),
        # the middle line, y = 0, is in neither half
        "defensive_half": _booked(moves, y < 0),
        "offensive_half": _booked(moves, y > 0),
    }


def _times_by_ball(moves: Motion, ball: RigidBodies, direction: int) -> dict[str, float]:
    south = moves.position[:, 1] < ball_at(ball, moves.frame)[:, 1]
    # level with the ball is north of it: in front for blue, behind for orange
    behind = south if direction > 0 else ~south
    return {"behind_ball": _booked(moves, behind), "infront_ball": _booked(moves, ~behind)}


def _booked(moves: Motion, mask: Bools) -> float:
    return float(moves.seconds[mask].sum())


def ball_distances(
    player: PlayerTrack, reports: RigidBodies, ball: RigidBodies, owner: Ints
) -> Group:
    """Compute mean distances to the ball: over reports, not over time; cut to whole uu.

    ``owner`` is the team that has the ball at each report.
    """
    apart = length(reports.position - ball_at(ball, reports.frame))
    return {
        "avg_distance_to_ball": _mean(apart, np.ones(len(apart), np.bool_)),
        "avg_distance_to_ball_possession": _mean(apart, owner == player.team),
        "avg_distance_to_ball_no_possession": _mean(apart, owner == 1 - (player.team or 0)),
    }


def _mean(values: Floats, mask: Bools) -> int:
    return int(values[mask].mean()) if mask.any() else 0
