"""The list of goals, from the header, with the time that the stream has for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from parsekit import JsonObject
from parsekit_local.body.roster import Participant
from parsekit_local.body.teams import COLORS
from parsekit_local.events.moments import Moments
from parsekit_local.events.tallies import assist_of
from parsekit_local.header.facts import HeaderGoal
from parsekit_local.stream.frames import Frames


def goal_entries(
    goals: Sequence[HeaderGoal], players: Sequence[Participant], frames: Frames | None
) -> list[JsonObject]:
    """Write the goals in their order; what is not known of one is left out.

    ``time`` is in seconds, on the clock of ``start_time``; ``clock`` what the scoreboard showed;
    ``assist`` whom the game credited with one.
    """
    moments = Moments(frames, players) if frames else None
    return [dict(_members(goal, moments)) for goal in goals]


def _members(goal: HeaderGoal, moments: Moments | None) -> Iterator[tuple[str, object]]:
    if goal.team is not None:
        yield "team", COLORS[goal.team]
    yield "player", goal.player
    frame = moments.frame_of(goal) if moments else None
    if moments is None or frame is None:
        return
    yield "time", moments.seconds(frame)
    clock_s = moments.clock_s(frame)
    if clock_s is not None:
        yield "clock", clock_s
    if moments.is_overtime(frame):
        yield "overtime", True
    helper = assist_of(moments, frame, goal.team)
    if helper is not None:
        yield "assist", moments.players[helper].name
