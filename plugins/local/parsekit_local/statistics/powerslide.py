"""Powerslides: the handbrake pulled while the car is on the ground."""

from __future__ import annotations

from parsekit_local.statistics.published import Group, seconds
from parsekit_local.statistics.thresholds import GROUND_Z
from parsekit_local.statistics.updates import switched_on
from parsekit_local.stream.frames import Car, Frames, PlayerTrack


def powerslide(frames: Frames, player: PlayerTrack) -> Group:
    """Count slides and sum their time.

    A slide is a closed interval of frames "handbrake pulled" that meets one "on the ground".
    To touch in one frame is enough: a handbrake pulled in the frame of a jump counts, with no
    duration.
    """
    slides = [slide for car in player.cars for slide in _slides(car)]
    total = seconds(sum(frames.time_s[end] - frames.time_s[start] for start, end in slides))
    return {
        "time_powerslide": total,
        "count_powerslide": len(slides),
        "avg_powerslide_duration": seconds(total / len(slides)) if slides else 0,
    }


def _slides(car: Car) -> list[tuple[int, int]]:
    if not len(car.bodies):
        return []
    last = int(car.bodies.frame[-1])
    pulled = switched_on(car.handbrake.frame, car.handbrake.on, last)
    grounded = switched_on(car.bodies.frame, car.bodies.position[:, 2] <= GROUND_Z, last)
    return [
        (max(a, c), min(b, d)) for a, b in pulled for c, d in grounded if max(a, c) <= min(b, d)
    ]
