"""Events that the stream reports one by one: touches, demolitions, boost that was picked up."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from parsekit import MatchEvent
from parsekit_local.events.moments import Moments
from parsekit_local.events.touches import Touches
from parsekit_local.statistics.boost import FULL_BYTE, collected
from parsekit_local.statistics.updates import speed


def touch_events(moments: Moments, touches: Touches) -> Iterator[MatchEvent]:
    """Write the touches; of those that are not reported, that it was one is a guess."""
    after = speed(moments.ball)
    for at in range(len(touches)):
        row, player = int(touches.row[at]), int(touches.player[at])
        yield moments.event(
            "touch",
            int(touches.frame[at]),
            team=int(touches.team[at]),
            player=player if player >= 0 else None,
            position=moments.ball.position[row],
            confidence="computed" if touches.reported[at] else "guess",
            values={
                "ball_speed": round(float(after[row])),
                "ball_turn": round(float(touches.turn[at])),
                "reported": bool(touches.reported[at]),
            },
        )


def demolitions_of(moments: Moments) -> Iterator[MatchEvent]:
    """Write the demolitions; the game itself is the attacker of some."""
    table = moments.frames.demolitions
    for frame, attacker, victim in zip(table.frame, table.attacker, table.victim, strict=True):
        player, other = moments.place_of.get(int(attacker)), moments.place_of.get(int(victim))
        place = None
        if other is not None:
            place = moments.cars_at(np.array([max(0, int(frame) - 1)]))[other, 0]
        yield moments.event(
            "demolition",
            int(frame),
            team=None if player is None else int(moments.teams[player]),
            player=player,
            other=other,
            position=None if place is None or np.isnan(place).any() else place,
            confidence="exact",
        )


def pickups_of(moments: Moments) -> Iterator[MatchEvent]:
    """Write each rise of a player's boost that a pad gave."""
    for place, player in enumerate(moments.players):
        if player.track is None:
            continue
        got = collected(moments.frames, player.track)
        for at in np.flatnonzero(got.from_pad):
            yield moments.event(
                "boost_pickup",
                int(got.frame[at]),
                team=player.team,
                player=place,
                position=got.place[at],
                values={
                    "pad": "big" if got.big[at] else "small",
                    "boost": round(float(got.amount[at]) * 100 / FULL_BYTE, 1),
                    "overfill": round(float(got.overfill[at]) * 100 / FULL_BYTE, 1),
                    "stolen": bool(got.stolen[at]),
                },
            )
