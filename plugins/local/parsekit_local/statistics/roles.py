"""Roles in a team: who is last and first, nearest and farthest, and how far mates are apart."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from parsekit_local.statistics.clock import presence
from parsekit_local.statistics.published import Group, percent
from parsekit_local.statistics.ticks import (
    TICKS_PER_SECOND,
    TeamTicks,
    ball_before,
    team_ticks,
    tick_of,
)
from parsekit_local.stream.frames import Floats, Frames, Ints, PlayerTrack, RigidBodies


def roles(
    frames: Frames, team: Mapping[int, PlayerTrack], ball: RigidBodies, number: int
) -> Mapping[int, Group]:
    """Compute the fields that compare the players of one team, by the players' index."""
    players = list(team.values())
    ticks = team_ticks(frames, players, ball)
    if not len(ball) or not len(ticks.tick):
        return {}
    y = ticks.first[:, :, 1] * (-1 if number else 1)
    apart = _flat_distance(ticks.first, ball_before(frames, ball, ticks.tick))
    winners = {
        "most_back": _first_least(y),
        "most_forward": _last_least(-y),
        "closest_to_ball": _last_least(apart),
        "farthest_from_ball": _first_least(-apart),
    }
    booked = {name: _booked(ticks, winner) for name, winner in winners.items()}
    blamed = _last_defender(frames, ticks, winners["most_back"], number)
    mates = _mate_distances(ticks)
    return {
        index: {
            **_times(booked, row, presence(frames, player).active_s),
            **({"avg_distance_to_mates": mates[row]} if row in mates else {}),
            **({"goals_against_while_last_defender": blamed[row]} if blamed[row] else {}),
        }
        for row, (index, player) in enumerate(team.items())
    }


def _times(booked: Mapping[str, Floats], row: int, active_s: float) -> dict[str, float]:
    times = {name: float(values[row]) for name, values in booked.items()}
    shares = {f"percent_{name}": percent(time, active_s) for name, time in times.items()}
    return {f"time_{name}": time for name, time in times.items()} | shares


def _booked(ticks: TeamTicks, winner: Ints) -> Floats:
    """Sum, for each player, the seconds booked on the ticks that the player wins."""
    time = ticks.booked[winner, np.arange(len(winner))]
    return np.bincount(winner, weights=time, minlength=len(ticks.booked)) / TICKS_PER_SECOND


def _first_least(values: Floats) -> Ints:
    """Pick the player with the least value of each tick, the first of equals.

    Ties are rare: two players who stand untouched on mirrored kick-off places.
    """
    least: Ints = np.nanargmin(values, axis=0).astype(np.int64)
    return least


def _last_least(values: Floats) -> Ints:
    return len(values) - 1 - _first_least(values[::-1])


def _flat_distance(places: Floats, ball: Floats) -> Floats:
    """Measure along the ground: height does not count."""
    found: Floats = np.hypot(places[..., 0] - ball[:, 0], places[..., 1] - ball[:, 1])
    return found


def _last_defender(frames: Frames, ticks: TeamTicks, back: Ints, team: int) -> list[int]:
    """Count for each player the goals conceded in a tick in which the player is most back."""
    goal = tick_of(frames, frames.goals.frame[frames.goals.conceding_team == team])
    column = np.searchsorted(ticks.tick, goal)
    known = ticks.tick[np.minimum(column, len(ticks.tick) - 1)] == goal
    blamed: list[int] = np.bincount(back[column[known]], minlength=len(ticks.booked)).tolist()
    return blamed


def _mate_distances(ticks: TeamTicks) -> dict[int, int]:
    """Average, over the mates, the mean distance to each in the ticks that both take part in.

    A player's place in a tick is the mean of the tick's reports.
    """
    found = {}
    for row, own in enumerate(ticks.mean):
        apart = np.sqrt(((ticks.mean - own) ** 2).sum(axis=2))
        means = [np.nanmean(mate) for i, mate in enumerate(apart) if i != row and _any(mate)]
        if means:
            found[row] = int(np.mean(means))
    return found


def _any(values: Floats) -> bool:
    return not bool(np.isnan(values).all())
