"""Ten samples a second: what Ballchasing compares team mates by.

A tick is a tenth of a second of the match clock. A player takes part in a tick only when a body
report falls into it; who sits still sends none and is not compared with anybody. The time since
the player's tick before is booked on the newer tick's state, like all time here: it includes
demolitions and waits, and is a whole number of ticks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from parsekit_local.statistics.updates import all_reports
from parsekit_local.stream.frames import Bools, Floats, Frames, Ints, PlayerTrack, RigidBodies

TICKS_PER_SECOND = 10


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Samples:
    """One player's ticks: the first place reported in each, the mean place, and the time."""

    tick: Ints
    first: Floats  # (n, 3)
    mean: Floats  # (n, 3)
    elapsed: Ints  # ticks since the one before


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TeamTicks:
    """The samples of a team side by side: a row a player, a column a tick; ``nan`` is absent."""

    tick: Ints
    first: Floats  # (players, ticks, 3)
    mean: Floats  # (players, ticks, 3)
    booked: Ints  # (players, ticks), ticks of time


def tick_of(frames: Frames, frame: Ints) -> Ints:
    """Number the ticks that frames fall into."""
    return np.floor(frames.seconds_at(frame) * TICKS_PER_SECOND + 1e-9).astype(np.int64)


def team_ticks(frames: Frames, players: Sequence[PlayerTrack], ball: RigidBodies) -> TeamTicks:
    """Sample a team; ticks of kick-off countdowns, and after the last ball, book no time."""
    sampled = [_samples(frames, player) for player in players]
    ticks = np.sort(np.concatenate([np.zeros(0, np.int64), *(one.tick for one in sampled)]))
    ticks = ticks[_firsts(ticks)]
    shape = (len(sampled), len(ticks))
    first, mean = np.full((*shape, 3), np.nan), np.full((*shape, 3), np.nan)
    booked = np.zeros(shape, dtype=np.int64)
    for row, one in enumerate(sampled):
        column = np.searchsorted(ticks, one.tick)
        first[row, column], mean[row, column] = one.first, one.mean
        booked[row, column] = one.elapsed
    booked[:, ~_counted(frames, ticks, ball)] = 0
    return TeamTicks(tick=ticks, first=first, mean=mean, booked=booked)


def ball_before(frames: Frames, ball: RigidBodies, ticks: Ints) -> Floats:
    """Find the ball's place for each tick: the first one of its own last tick before."""
    tick = tick_of(frames, ball.frame)
    index = _firsts(tick)
    before = np.maximum(np.searchsorted(tick[index], ticks) - 1, 0)
    return ball.position[index[before]]


def _firsts(ticks: Ints) -> Ints:
    """Find where each tick begins: they rise as time does, and `numpy.unique` would sort them."""
    return np.flatnonzero(np.diff(ticks, prepend=ticks[:1] - 1))


def _samples(frames: Frames, player: PlayerTrack) -> Samples:
    reports = all_reports([car.bodies for car in player.cars])
    ticks = tick_of(frames, reports.frame)
    index = _firsts(ticks)
    tick, count = ticks[index], np.diff(index, append=len(ticks))
    total = np.add.reduceat(reports.position, index) if len(index) else np.zeros((0, 3))
    return Samples(
        tick=tick,
        first=reports.position[index],
        mean=total / count[:, None],
        elapsed=np.diff(tick, prepend=tick[:1]),
    )


def _counted(frames: Frames, ticks: Ints, ball: RigidBodies) -> Bools:
    counted: Bools = ticks <= tick_of(frames, ball.frame[-1:]).max(initial=-1)
    waits = frames.countdowns
    first, last = tick_of(frames, waits.first_frame), tick_of(frames, waits.last_frame)
    for start, stop in zip(first, last, strict=True):
        counted &= (ticks < start) | (ticks > stop)
    return counted
