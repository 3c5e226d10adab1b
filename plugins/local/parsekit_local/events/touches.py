"""Touches: reports that the other team has the ball now, and turns that nothing else explains."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from parsekit_local.events.field import CORNER, HALF_LENGTH, HALF_WIDTH, HEIGHT
from parsekit_local.events.moments import Moments
from parsekit_local.statistics.updates import latest, length
from parsekit_local.stream.frames import Bools, Floats, Ints, RigidBodies

#: The ball's radius in standard soccar, uu.
BALL_RADIUS = 93.15
#: Gravity, uu/s², and the share of its speed that a free ball loses in a second.
_GRAVITY, _DRAG = 650.0, 0.03
#: A turn of the free ball beyond this is a touch, uu/s: of balls with no car near, 1 in 1000
#: reports turns by more than 60; of reported touches 99 in 100 turn by more than 300.
_FREE_TURN = 100.0
#: The same where the ball may have met a surface, without what the surface's normal explains: of
#: bounces with no car near, 1 in 100 turns by more (friction, curved edges).
_BOUNCE_TURN = 500.0
#: How far the surface may be from the ball besides its own way between two reports, uu.
_SURFACE_SLACK = 25.0
#: How far a car's centre may be from the ball's at a touch, uu: 99 in 100 of reported touches are
#: nearer; both go on between two reports.
_REACH, _REPORTED_REACH = 300.0, 400.0
#: Longer between two reports, and too much may have happened, seconds.
_LONGEST_S = 0.3
#: Turns of one player closer than this are one touch, seconds.
_SAME_S = 0.15
NOBODY = -1
#: More touches than this do not fit into that time.
_LOOK_BACK = 16


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Touches:
    """One row a touch, oldest first.

    ``row`` is the ball's first report after it, ``player`` the place in the body (`NOBODY` where
    no car was near), ``apart`` how far that car's centre was from the ball's, ``turn`` by how much
    the ball's velocity changed. ``reported``: the stream says that the team has the ball now.
    """

    frame: Ints
    row: Ints
    team: Ints
    player: Ints
    apart: Floats
    turn: Floats
    reported: Bools

    def __len__(self) -> int:
        return len(self.frame)

    def only(self, kept: Bools | Ints) -> Touches:
        """Leave the other rows out."""
        return Touches(**{name: getattr(self, name)[kept] for name in self.__dataclass_fields__})


def touches_of(moments: Moments) -> Touches:
    """Find all touches. The team of each is the one that the stream says has the ball."""
    ball, hits = moments.ball, moments.frames.hits
    if not len(ball) or not len(hits.frame):
        return _rows(moments, np.zeros(0, np.int64), np.zeros(0, np.int64), _unexplained(moments))
    turn = _unexplained(moments)
    reported = np.maximum(latest(ball.frame, hits.frame), 0)
    last = latest(hits.frame, ball.frame + 1)
    holder, since = hits.team[np.maximum(last, 0)], hits.frame[np.maximum(last, 0)]
    rounds_at = moments.frames.rounds_at
    held = (last >= 0) & (rounds_at(ball.frame) == rounds_at(since))
    seen = np.flatnonzero((turn > 0) & held)  # before the first report of a round nobody has it
    near = _rows(moments, seen, holder[seen], turn)
    near = near.only(near.apart <= _REACH)
    both = _joined(_rows(moments, reported, hits.team, turn, reported=True), near)
    return both.only(_first_of_each(moments, both))


def _rows(
    moments: Moments, row: Ints, team: Ints, turn: Floats, *, reported: bool = False
) -> Touches:
    """Give each row of the ball to the nearest car of the team that has it."""
    player, apart = _nearest(moments, row, team)
    player[apart > _REPORTED_REACH] = NOBODY
    return Touches(
        frame=moments.ball.frame[row],
        row=row,
        team=team,
        player=player,
        apart=apart,
        turn=turn[row],
        reported=np.full(len(row), reported),
    )


def _nearest(moments: Moments, row: Ints, team: Ints) -> tuple[Ints, Floats]:
    apart = apart_at(moments, row)
    apart[moments.teams[:, None] != team[None]] = np.inf
    if not len(apart):
        return np.full(len(row), NOBODY), np.full(len(row), np.inf)
    player = apart.argmin(axis=0)
    return player, apart[player, np.arange(len(row))]


def apart_at(moments: Moments, row: Ints) -> Floats:
    """How far each car is from the ball in these rows or those before, whichever is nearer.

    (players, rows), from centre to centre, uu; infinite while a car is not on the field.
    """
    both = []
    for at in (row, np.maximum(row - 1, 0)):
        away = moments.cars_at(moments.ball.frame[at]) - moments.ball.position[at]
        both.append(np.sqrt((away**2).sum(axis=2)))
    nearer: Floats = np.nan_to_num(np.fmin(*both), nan=np.inf)
    return nearer


def _unexplained(moments: Moments) -> Floats:
    """How much each report's velocity differs from where gravity and surfaces explain it.

    0 where that is too little to be a touch, or too much time has passed to say.
    """
    ball = moments.ball
    elapsed = np.diff(moments.frames.seconds_at(ball.frame), prepend=-np.inf)
    with np.errstate(invalid="ignore"):
        expected = _before(ball.velocity) * (1 - _DRAG * np.minimum(elapsed, 1))[:, None]
    turn = ball.velocity - expected
    turn[:, 2] += _GRAVITY * np.minimum(elapsed, 1)
    surface = _without_normals(ball, elapsed, turn)
    found = length(turn)
    enough = found > np.where(surface, _BOUNCE_TURN, _FREE_TURN)
    return np.where(enough & (elapsed > 0) & (elapsed < _LONGEST_S), found, 0.0)


def _without_normals(ball: RigidBodies, elapsed: Floats, turn: Floats) -> Bools:
    """Take out of ``turn`` what a surface may have done; answer where one may have been met."""
    slack = _before(np.abs(ball.velocity)) * np.minimum(elapsed, 1)[:, None] + _SURFACE_SLACK
    places = (ball.position, _before(ball.position))
    x, y, z = (np.maximum(*(np.abs(place[:, axis]) for place in places)) for axis in range(3))
    low = np.minimum(*(place[:, 2] for place in places))
    corner = np.maximum(*(np.abs(place[:, 0]) + np.abs(place[:, 1]) for place in places))
    side = x > HALF_WIDTH - BALL_RADIUS - slack[:, 0]
    end = y > HALF_LENGTH - BALL_RADIUS - slack[:, 1]
    level = (low < BALL_RADIUS + slack[:, 2]) | (z > HEIGHT - BALL_RADIUS - slack[:, 2])
    edge = corner > CORNER - 1.5 * BALL_RADIUS - slack[:, 0] - slack[:, 1]
    turn[side | edge, 0] = 0
    turn[end | edge, 1] = 0
    turn[level, 2] = 0
    surface: Bools = side | end | level | edge
    return surface


def _before(rows: Floats) -> Floats:
    """Each row's predecessor; the first is its own."""
    return np.concatenate([rows[:1], rows[:-1]])


def _joined(one: Touches, other: Touches) -> Touches:
    """Merge both in the order of time, reported ones first in a row."""
    names = Touches.__dataclass_fields__
    both = Touches(
        **{name: np.concatenate([getattr(one, name), getattr(other, name)]) for name in names}
    )
    return both.only(np.lexsort((~both.reported, both.row)))


def _first_of_each(moments: Moments, touches: Touches) -> Ints:
    """Which rows to keep: turns that follow one of the same player at once are the same touch.

    A report takes the place of turns of its team just before it, as it may come a frame late.
    """
    time_s = moments.frames.seconds_at(touches.frame)
    kept: list[int] = []
    for at in range(len(touches)):
        since_s = time_s[at] - _SAME_S
        while touches.reported[at] and kept and not touches.reported[kept[-1]]:
            last = kept[-1]
            if time_s[last] < since_s or touches.team[last] != touches.team[at]:
                break
            kept.pop()
        recent = (each for each in kept[-_LOOK_BACK:] if time_s[each] >= since_s)
        if touches.player[at] == NOBODY or touches.player[at] not in touches.player[list(recent)]:
            kept.append(at)
    return np.array(kept, dtype=np.int64)
