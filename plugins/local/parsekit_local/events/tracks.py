"""Positions at a fixed rate, for pictures: reports come some thirty times a second at odd times."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from parsekit import Track, Tracks
from parsekit_local.body.roster import Participant
from parsekit_local.events.moments import lives_of
from parsekit_local.statistics.boost import FULL_BYTE
from parsekit_local.stream.frames import Car, Floats, Frames, Ints, RigidBodies

#: Ticks a second; half of it for a match of so many players and so long that it would not fit.
RATE_HZ = 10.0
#: A car that stands still is not reported. After so long without a report it stood, seconds.
_STOOD_S = 0.3
#: What all columns together may have, so that the answer about one replay stays below 2 MiB.
_MAX_BYTES = 700_000
#: As in `parsekit.Track` and `parsekit.Tracks`.
_NOWHERE, _NO_BOOST, _NO_CLOCK = -(2**15), 255, -1


def tracks_of(frames: Frames, players: Sequence[Participant]) -> Tracks:
    """Sample ball, cars and scoreboard clock from the first frame to the last."""
    rate_hz, length_s = RATE_HZ, float(frames.time_s[-1])
    while (length_s * rate_hz + 1) * (8 + 7 * len(players)) > _MAX_BYTES:
        rate_hz /= 2
    at_s = np.arange(int(length_s * rate_hz) + 1) / rate_hz
    balls = [(ball.bodies, ball.end_frame) for ball in frames.balls]
    return Tracks(
        rate_hz=rate_hz,
        ticks=len(at_s),
        clock=_clock(frames, at_s),
        ball=Track(position=_positions(frames, balls, at_s)),
        cars=tuple(_car(frames, player, at_s) for player in players),
    )


def _car(frames: Frames, player: Participant, at_s: Floats) -> Track:
    if player.track is None or player.index is None:
        nowhere = np.full((len(at_s), 3), _NOWHERE, "<i2").tobytes()
        return Track(position=nowhere, boost=bytes([_NO_BOOST]) * len(at_s))
    lives = lives_of(frames, player.index, player.track)
    position = _positions(frames, [(car.bodies, end) for car, end in lives], at_s)
    return Track(position=position, boost=_boost(frames, lives, at_s))


def _positions(frames: Frames, lives: Sequence[tuple[RigidBodies, int]], at_s: Floats) -> bytes:
    out = np.full((len(at_s), 3), _NOWHERE, dtype="<i2")
    for bodies, end in lives:
        if len(bodies):
            begin_s = frames.seconds_at(bodies.frame[:1])
            end_s = frames.seconds_at(np.array([end]))
            there = slice(*np.searchsorted(at_s, np.concatenate([begin_s, end_s])))
            out[there] = _between(frames, bodies, at_s[there])
    return out.tobytes()


def _between(frames: Frames, bodies: RigidBodies, at_s: Floats) -> Floats:
    """Interpolate between reports; over a long silence the body stands until shortly before."""
    time_s = frames.seconds_at(bodies.frame)
    still = np.flatnonzero(np.diff(time_s) > _STOOD_S) + 1
    knots_s = np.insert(time_s, still, time_s[still] - 1 / RATE_HZ)
    knots = np.insert(bodies.position, still, bodies.position[still - 1], axis=0)
    columns = [np.interp(at_s, knots_s, knots[:, axis]) for axis in range(3)]
    return np.clip(np.rint(np.stack(columns, axis=1)), _NOWHERE + 1, 2**15 - 1)


def _boost(frames: Frames, lives: Sequence[tuple[Car, int]], at_s: Floats) -> bytes:
    out = np.full(len(at_s), _NO_BOOST, dtype="u1")
    for car, end in lives:
        end_s = frames.seconds_at(np.array([end]))
        for samples in (each for each in car.boosts if len(each.frame)):
            time_s = frames.seconds_at(samples.frame)
            there = slice(*np.searchsorted(at_s, np.concatenate([time_s[:1], end_s])))
            last = np.searchsorted(time_s, at_s[there], side="right") - 1
            out[there] = np.rint(samples.amount[last] * (100 / FULL_BYTE))
    return out.tobytes()


def _clock(frames: Frames, at_s: Floats) -> bytes:
    reported_s = frames.seconds_at(frames.game_clock.frame)
    seconds: Ints = np.append(frames.game_clock.seconds, _NO_CLOCK)
    last = np.searchsorted(reported_s, at_s, side="right") - 1
    return seconds[last].clip(_NO_CLOCK, 2**15 - 1).astype("<i2").tobytes()
