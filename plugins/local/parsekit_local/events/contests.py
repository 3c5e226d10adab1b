"""What touches tell of duels and heights: 50/50s and aerials."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from parsekit import MatchEvent
from parsekit_local.events.field import CORNER, HALF_LENGTH, HALF_WIDTH, HEIGHT
from parsekit_local.events.moments import Moments
from parsekit_local.events.possession import round_end
from parsekit_local.events.touches import Touches, apart_at
from parsekit_local.stream.frames import Bools, Floats

#: An opponent contests a touch whose car's centre is this near to the ball's in the reports just
#: before or after it, uu: half of all reported touches come from this near.
_CONTESTED = 220.0
#: Contested touches closer than this are one 50/50, seconds.
_ONE_DUEL_S = 0.5
#: The first touch after so long has won it, seconds; none after this many: nobody has.
_SETTLED_S, _LOOSE_S = 0.3, 3.0
#: A car is in the air above this, uu; a single jump carries its centre to about 230.
_AERIAL_Z = 300.0
#: A car this near to a wall or ceiling may drive on it, uu (wheels to centre are some 20).
_ON_WALL = 100.0


def fifty_fifties_of(moments: Moments, touches: Touches) -> Iterator[MatchEvent]:
    """Write the touches that a player of each team was near enough for."""
    if not len(touches):
        return
    later = np.minimum(touches.row + 1, len(moments.ball) - 1)
    apart = np.minimum(apart_at(moments, touches.row), apart_at(moments, later))
    apart[moments.teams[:, None] == touches.team[None]] = np.inf
    rival = apart.argmin(axis=0)
    contested = (apart.min(axis=0) <= _CONTESTED) & (touches.player >= 0)
    last_s = -np.inf
    for at in np.flatnonzero(contested):
        now_s = moments.seconds(int(touches.frame[at]))
        if now_s - last_s > _ONE_DUEL_S:
            yield _duel(moments, touches, int(at), int(rival[at]))
        last_s = now_s


def _duel(moments: Moments, touches: Touches, at: int, rival: int) -> MatchEvent:
    frame, team = int(touches.frame[at]), int(touches.team[at])
    winner = _next_team(moments, touches, frame)
    return moments.event(
        "fifty_fifty",
        frame,
        team=team,
        player=int(touches.player[at]),
        other=rival,
        position=moments.ball.position[touches.row[at]],
        confidence="guess",
        values={"outcome": "neutral" if winner is None else "won" if winner == team else "lost"},
    )


def _next_team(moments: Moments, touches: Touches, frame: int) -> int | None:
    seconds = moments.frames.seconds_at(touches.frame) - moments.seconds(frame)
    end = round_end(moments, frame)
    after = np.flatnonzero((seconds >= _SETTLED_S) & (seconds <= _LOOSE_S) & (touches.frame <= end))
    return int(touches.team[after[0]]) if len(after) else None


def aerials_of(moments: Moments, touches: Touches) -> Iterator[MatchEvent]:
    """Write the touches by a car high in the air and away from what it could drive on."""
    known = touches.only(touches.player >= 0)
    places = moments.cars_at(known.frame)[known.player, np.arange(len(known))]
    for at in np.flatnonzero(in_the_air(places)):
        yield moments.event(
            "aerial",
            int(known.frame[at]),
            team=int(known.team[at]),
            player=int(known.player[at]),
            position=moments.ball.position[known.row[at]],
            confidence="guess",
            values={"height": round(float(places[at, 2]))},
        )


def in_the_air(place: Floats) -> Bools:
    """Tell of each place of a car whether it is high and near no surface."""
    x, y, z = np.abs(place).T
    near = (x > HALF_WIDTH - _ON_WALL) | (y > HALF_LENGTH - _ON_WALL) | (z > HEIGHT - _ON_WALL)
    high: Bools = (z >= _AERIAL_Z) & ~near & (x + y < CORNER - 1.5 * _ON_WALL)
    return high
