"""When a player was on the field, and for how long the match was on meanwhile."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from parsekit_local.statistics.published import seconds
from parsekit_local.stream.frames import Frames, PlayerTrack


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """From the creation of a player's first car to the deletion of the last, in seconds.

    ``active_s`` is the shorter clock that divides several statistics: presence without the
    kick-off countdowns, to two decimals.
    """

    start_s: float
    end_s: float
    active_s: float


def presence(frames: Frames, player: PlayerTrack) -> Presence:
    """Measure one player's time."""
    bounds = np.array([player.cars[0].first_frame, max(car.end_frame for car in player.cars)])
    start, end = frames.seconds_at(bounds).tolist()
    return Presence(
        start_s=start,
        end_s=end,
        active_s=seconds(end - start - _countdown_seconds(frames, start, end)),
    )


def _countdown_seconds(frames: Frames, start_s: float, end_s: float) -> float:
    first = np.clip(frames.seconds_at(frames.countdowns.first_frame), start_s, end_s)
    last = np.clip(frames.seconds_at(frames.countdowns.last_frame), start_s, end_s)
    return float((last - first).sum())
