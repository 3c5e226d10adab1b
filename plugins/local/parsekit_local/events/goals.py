"""Goals: the header's list, with the time and place from the stream."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from parsekit import MatchEvent
from parsekit_local.body.roster import Participant
from parsekit_local.events.moments import Moments
from parsekit_local.events.tallies import assist_of
from parsekit_local.header.facts import HeaderGoal
from parsekit_local.statistics.updates import speed


def goals_of(
    goals: Sequence[HeaderGoal], players: Sequence[Participant], moments: Moments | None
) -> Iterator[MatchEvent]:
    """Write the goals in order; without frames, or beyond the last one, with no time."""
    for goal in goals:
        scorer = _scorer(goal, players)
        frame = moments.frame_of(goal) if moments else None
        if moments is not None and frame is not None:
            yield _placed(moments, goal, frame, scorer)
            continue
        yield MatchEvent(
            kind="goal",
            time_s=None,
            team=goal.team,
            player=scorer,
            values={} if goal.frame is None else {"frame": goal.frame},
            confidence="exact",
        )


def _placed(moments: Moments, goal: HeaderGoal, frame: int, scorer: int | None) -> MatchEvent:
    row = moments.ball_report(frame)
    values: dict[str, float] = {"frame": frame}
    if row is not None:
        fastest = float(speed(moments.ball)[max(0, row - _SPEED_ROWS) : row + 1].max())
        values["ball_speed"] = round(fastest)
    return moments.event(
        "goal",
        frame,
        team=goal.team,
        player=scorer,
        other=assist_of(moments, frame, goal.team),
        position=None if row is None else moments.ball.position[row],
        confidence="exact",
        values=values,
    )


#: The ball's last reports before a goal, of which the fastest counts: in the last one it may be
#: slowed by the net.
_SPEED_ROWS = 2


def _scorer(goal: HeaderGoal, players: Sequence[Participant]) -> int | None:
    """Find the scorer by name, first in the team that the goal counts for."""
    named = [place for place, player in enumerate(players) if player.name == goal.player]
    return next((p for p in named if players[p].team == goal.team), next(iter(named), None))
