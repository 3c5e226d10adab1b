"""Time between successive updates: the ground that nearly all statistics stand on.

Ballchasing books the time between two successive updates of one actor on the state that the
later one reports. A first update opens and books nothing; what is open when the actor ends is
dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from parsekit_local.stream.frames import Bools, Floats, Frames, Ints, RigidBodies


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Motion:
    """All pairs of successive body reports of some actors; places are those of the later one."""

    seconds: Floats
    frame: Ints
    position: Floats
    speed: Floats
    distance: Floats


def motion(frames: Frames, lives: Sequence[RigidBodies]) -> Motion:
    """Pair each body report with the one before it, life by life."""
    return Motion(
        seconds=_joined([np.diff(frames.seconds_at(life.frame)) for life in lives]),
        frame=_joined([life.frame[1:] for life in lives]).astype(np.int64),
        position=_joined([life.position[1:] for life in lives], width=3),
        speed=_joined([speed(life)[1:] for life in lives]),
        distance=_joined([length(np.diff(life.position, axis=0)) for life in lives]),
    )


def all_reports(lives: Sequence[RigidBodies]) -> RigidBodies:
    """Put the reports of several lives into one table, in the order of time."""
    frame = _joined([life.frame for life in lives]).astype(np.int64)
    order = np.argsort(frame, kind="stable")
    return RigidBodies(
        frame=frame[order],
        position=_joined([life.position for life in lives], width=3)[order],
        velocity=_joined([life.velocity for life in lives], width=3)[order],
    )


def latest(reported: Ints, frame: Ints) -> Ints:
    """Find, for the end of each frame, the index of the last report; -1 before the first."""
    return np.searchsorted(reported, frame, side="right").astype(np.int64) - 1


def length(vectors: Floats) -> Floats:
    """Measure each row."""
    found: Floats = np.sqrt((vectors**2).sum(axis=1))
    return found


def speed(bodies: RigidBodies) -> Floats:
    """Give the reported speeds, in uu/s."""
    return length(bodies.velocity)


def switched_on(frames: Ints, on: Bools, end: int) -> list[tuple[int, int]]:
    """Turn the reports of a flag into closed intervals of frames; an open one lasts to ``end``."""
    edges = np.diff(on.astype(np.int8), prepend=np.int8(0))
    starts, stops = frames[edges > 0].tolist(), frames[edges < 0].tolist()
    stops += [end] * (len(starts) - len(stops))
    return [(start, stop) for start, stop in zip(starts, stops, strict=True) if start <= end]


def _joined(columns: Sequence[Floats | Ints], width: int = 0) -> Floats:
    empty = np.zeros((0, width) if width else 0)
    return np.concatenate([empty, *columns])
