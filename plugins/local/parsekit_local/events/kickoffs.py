"""Kick-offs: where each player began, who went for the ball, how soon, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from parsekit import MatchEvent
from parsekit_local.events.moments import Moments
from parsekit_local.events.possession import round_end
from parsekit_local.events.touches import Touches, apart_at
from parsekit_local.statistics.updates import latest
from parsekit_local.stream.frames import Floats, Ints

#: Spawns by |x|, uu: the middle of the goal line, beside it, and the corners (1440 to 2048 by map).
_BACK_X, _OFF_CENTRE_X = 100.0, 700.0
#: The ball of a kick-off stands in the middle; modes that throw it in have none. uu.
_MIDDLE = 150.0
#: Nobody went for the ball if it was not touched by then, seconds.
_LONGEST_S = 8.0
#: A car is at the ball when their centres are this near, uu, until so long after the first touch,
#: seconds: both takers of an even kick-off come within some frames of each other.
_AT_BALL, _LATER_S = 300.0, 0.5
#: What came of it is judged so long after the first touch, seconds, by where the ball is, uu.
_JUDGED_S, _NEUTRAL_Y = 3.0, 1000.0


def kickoffs_of(moments: Moments, touches: Touches) -> Iterator[MatchEvent]:
    """Write one event a player for each kick-off, from "go" to the first touch."""
    number = 0
    for go in moments.frames.countdowns.last_frame:
        first = touches.frame[touches.frame >= go]
        if not len(first) or not _in_the_middle(moments, int(go)):
            continue
        if moments.seconds(int(first[0])) - moments.seconds(int(go)) > _LONGEST_S:
            continue
        number += 1
        yield from _one(moments, touches, int(go), int(first[0]), number)


def _one(
    moments: Moments, touches: Touches, go: int, first: int, number: int
) -> Iterator[MatchEvent]:
    spawns = moments.cars_at(np.array([go]))[:, 0]
    there = np.flatnonzero(~np.isnan(spawns[:, 0]))
    apart = apart_at(moments, np.array([moments.ball_report(first)]))[:, 0]
    arrivals = _arrivals(moments, go, first)
    toward = _outcome(moments, first)
    took = int(touches.player[touches.frame >= go][0])
    for player in there:
        team = int(moments.teams[player])
        mates = there[moments.teams[there] == team]
        is_taker = player == mates[apart[mates].argmin()]
        arrival = arrivals[player]
        values = {
            "number": number,
            "spawn": spawn_of(spawns[player], team),
            "role": "taker" if is_taker else "support",
            "outcome": "neutral" if toward is None else "won" if toward == team else "lost",
            "first_touch": bool(player == took),
        }
        if not np.isnan(arrival):
            values["time_to_ball_s"] = round(float(arrival), 3)
        yield moments.event(
            "kickoff",
            go,
            end=first,
            team=team,
            player=int(player),
            position=spawns[player],
            values=values,
        )


def spawn_of(place: Floats, team: int) -> str:
    """Name a spawn as its player sees it; left of blue is x > 0."""
    x = float(place[0]) * (-1 if team else 1)
    if abs(x) < _BACK_X:
        return "back"
    where = "off_centre" if abs(x) < _OFF_CENTRE_X else "diagonal"
    return f"{where}_{'left' if x > 0 else 'right'}"


def _arrivals(moments: Moments, go: int, first: int) -> Floats:
    """Seconds from "go" until each player is at the ball; nan for who is not, soon enough."""
    ball = moments.ball
    until = moments.seconds(first) + _LATER_S
    rows = np.flatnonzero((ball.frame >= go) & (moments.frames.seconds_at(ball.frame) <= until))
    frames = np.unique(np.concatenate([_car_frames(moments, go, until), ball.frame[rows]]))
    place = ball.position[np.maximum(latest(ball.frame, frames), 0)]
    apart = np.sqrt(((moments.cars_at(frames) - place) ** 2).sum(axis=2))
    with np.errstate(invalid="ignore"):
        at_ball = apart <= _AT_BALL
    seconds = moments.frames.seconds_at(frames) - moments.seconds(go)
    return np.where(at_ball.any(axis=1), seconds[at_ball.argmax(axis=1)], np.nan)


def _car_frames(moments: Moments, go: int, until_s: float) -> Ints:
    last = int(np.searchsorted(moments.frames.time_s, until_s, side="right"))
    return np.arange(go, min(last, moments.frames.count))


def _outcome(moments: Moments, first: int) -> int | None:
    """The team in whose favour it went: by a goal, or by the half that the ball is in then."""
    judged_s = moments.seconds(first) + _JUDGED_S
    goals = moments.frames.goals
    end = round_end(moments, first)
    if end in goals.frame and moments.seconds(end) <= judged_s:
        return 1 - int(goals.conceding_team[goals.frame == end][0])
    at = min(int(np.searchsorted(moments.frames.time_s, judged_s)), moments.frames.count - 1)
    place = moments.ball_place(at)
    if place is None or abs(place[1]) < _NEUTRAL_Y:
        return None
    return 0 if place[1] > 0 else 1


def _in_the_middle(moments: Moments, go: int) -> bool:
    place = moments.ball_place(go)
    return place is not None and float(np.hypot(place[0], place[1])) < _MIDDLE
