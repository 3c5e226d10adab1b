"""Possession as spells of a team, in the rounds that goals divide a match into."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from parsekit import MatchEvent
from parsekit_local.events.moments import Moments
from parsekit_local.events.touches import Touches


def possessions_of(moments: Moments, touches: Touches) -> Iterator[MatchEvent]:
    """Write a spell from a team's first touch to the other team's, or to the end of the round.

    ``ballchasing_s`` is what Ballchasing counts of it: nothing after the last report of a round.
    """
    frames, hits = moments.frames, moments.frames.hits
    rounds = frames.rounds_at(hits.frame)
    is_new = (np.diff(hits.team, prepend=-1) != 0) | (np.diff(rounds, prepend=-1) != 0)
    begins = [*np.flatnonzero(is_new), len(hits.frame)]
    for begin, after in pairwise(begins):
        lost = after < len(hits.frame) and rounds[after] == rounds[begin]
        end = int(hits.frame[after]) if lost else round_end(moments, int(hits.frame[begin]))
        counted = int(hits.frame[after if lost else after - 1])
        first, team = int(hits.frame[begin]), int(hits.team[begin])
        mine = touches.only(
            (touches.frame >= first) & (touches.frame < end) & (touches.team == team)
        )
        by = [int(player) for player in mine.player if player >= 0]
        yield moments.event(
            "possession",
            first,
            end=end,
            team=team,
            player=by[0] if by else None,
            position=moments.ball_place(first),
            values={
                "touches": len(mine),
                "players": len(set(by)),
                "ended_by": "opponent" if lost else "stoppage",
                "ballchasing_s": round(moments.seconds(counted) - moments.seconds(first), 3),
            },
        )


def round_end(moments: Moments, frame: int) -> int:
    """The frame of the next goal, else the last frame."""
    goals = np.sort(moments.frames.goals.frame)
    after = goals[goals >= frame]
    return int(after[0]) if len(after) else moments.frames.count - 1
