"""Movement: speeds, heights, distance and powerslides."""

from __future__ import annotations

from parsekit_local.statistics.powerslide import powerslide
from parsekit_local.statistics.published import Group, percent, total, with_percents
from parsekit_local.statistics.thresholds import (
    BOOST_SPEED,
    GROUND_Z,
    LOW_AIR_Z,
    SUPERSONIC_SPEED,
)
from parsekit_local.statistics.updates import Motion, speed
from parsekit_local.stream.frames import Bools, Frames, PlayerTrack, RigidBodies

_TOP_SPEED = 2300
_SPEEDS = ("slow_speed", "boost_speed", "supersonic_speed")
_HEIGHTS = ("ground", "low_air", "high_air")


def movement(frames: Frames, player: PlayerTrack, moves: Motion, reports: RigidBodies) -> Group:
    """Compute the movement group of one player."""
    average = int(speed(reports).mean()) if len(reports) else 0
    return {
        **with_percents(_times(moves), _SPEEDS, _HEIGHTS),
        "avg_speed": average,
        "avg_speed_percentage": percent(average, _TOP_SPEED),
        "total_distance": int(total(moves.distance)),
        **powerslide(frames, player),
    }


def _times(moves: Motion) -> dict[str, float]:
    fast, height = moves.speed, moves.position[:, 2]

    def booked(mask: Bools) -> float:
        return float(moves.seconds[mask].sum())

    return {
        "slow_speed": booked(fast < BOOST_SPEED),
        "boost_speed": booked((fast >= BOOST_SPEED) & (fast < SUPERSONIC_SPEED)),
        "supersonic_speed": booked(fast >= SUPERSONIC_SPEED),
        "ground": booked(height <= GROUND_Z),
        "low_air": booked((height > GROUND_Z) & (height <= LOW_AIR_Z)),
        "high_air": booked(height > LOW_AIR_Z),
    }
