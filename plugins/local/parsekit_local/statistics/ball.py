"""The ball: where it was, and whose it was."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from parsekit_local.statistics.published import Group, seconds
from parsekit_local.statistics.updates import all_reports, latest, motion
from parsekit_local.stream.frames import Floats, Frames, Ints, RigidBodies

#: Team number of who has the ball before the first and after the last change of possession.
NOBODY = -1


def track_ball(frames: Frames) -> RigidBodies:
    """Put the reports of all balls into one table."""
    return all_reports([ball.bodies for ball in frames.balls])


def ball_at(ball: RigidBodies, frame: Ints) -> Floats:
    """Find where the ball was last reported by the end of each frame (its first place before)."""
    return ball.position[np.maximum(latest(ball.frame, frame), 0)]


def possession(frames: Frames) -> Callable[[Ints], Ints]:
    """Tell who has the ball: the team that touched it last.

    In the frame of a change the ball is still the old team's; in the frame of the first touch,
    with no old team, the new one's. Possession is kept over kick-offs. What follows the last
    change of the file belongs to nobody: it is never closed.
    """
    frame, team = frames.hits.frame, frames.hits.team
    changed = np.diff(team, prepend=NOBODY) != 0
    since = frame[changed]
    since[:1] -= 1
    owner = np.concatenate([[NOBODY], team[changed]])
    owner[-1] = NOBODY
    return lambda frames_asked: owner[np.searchsorted(since, frames_asked, side="left")]


def team_ball(frames: Frames, team: int) -> Group:
    """Compute the ball group of a team."""
    moves = motion(frames, [ball.bodies for ball in frames.balls])
    own_side = moves.position[:, 1] * (-1 if team else 1) < 0
    return {
        "possession_time": seconds(_possession_seconds(frames, team)),
        "time_in_side": seconds(moves.seconds[own_side].sum()),
    }


def _possession_seconds(frames: Frames, team: int) -> float:
    """Sum the times from each touch of the team to the next touch, but not across a goal."""
    hits = frames.hits
    time_s = frames.seconds_at(hits.frame)
    rounds = frames.rounds_at(hits.frame)
    counts = (hits.team[:-1] == team) & (rounds[1:] == rounds[:-1])
    return float(np.diff(time_s)[counts].sum())
