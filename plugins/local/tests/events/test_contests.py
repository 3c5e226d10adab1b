"""Rules of duels, heights and counts that no real replay decides, on hand-made frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from parsekit_local.body.roster import Participant
from parsekit_local.events.contests import fifty_fifties_of, in_the_air
from parsekit_local.events.moments import Moments
from parsekit_local.events.tallies import tallied_events
from parsekit_local.events.touches import Touches
from parsekit_local.stream.frames import Ball, Frames, PlayerTrack, RigidBodies, ScoreLine, Tallied

_STEP_S = 0.2


def standing(x: float, frames: Sequence[int]) -> RigidBodies:
    place = np.tile([x, 0.0, 100.0], (len(frames), 1))
    return RigidBodies(frame=np.array(frames), position=place, velocity=np.zeros(place.shape))


def side(track: PlayerTrack, team: int, x: float) -> PlayerTrack:
    [car] = track.cars
    return replace(track, team=team, cars=(replace(car, bodies=standing(x, [0])),))


def moments_of(frames: Frames) -> Moments:
    players = [
        Participant(
            name=track.name,
            team=track.team or 0,
            is_bot=False,
            account=None,
            score_line=ScoreLine(),
            index=index,
            track=track,
        )
        for index, track in enumerate(frames.players)
    ]
    return Moments(frames, players)


def touched(*frames_and_teams: tuple[int, int]) -> Touches:
    frame, team = np.array(frames_and_teams).T
    zeros = np.zeros(len(frame))
    return Touches(
        frame=frame, row=frame, team=team, player=team, apart=zeros, turn=zeros, reported=zeros == 0
    )


@pytest.fixture
def face_off(make_frames, make_track) -> Frames:
    """Blue and orange stand beside the ball for two seconds."""
    both = [side(make_track(name), team, 100) for team, name in enumerate(("blue", "orange"))]
    ball = Ball(first_frame=0, end_frame=10, archetype="", bodies=standing(0, range(10)))
    frames = make_frames(*both)
    return replace(frames, time_s=np.arange(10) * _STEP_S, balls=(ball,))


@pytest.mark.parametrize(
    ("after", "outcome"), [([(4, 0)], "won"), ([(4, 1)], "lost"), ([], "neutral")]
)
def test_contested_touches_at_once_are_one_duel_that_a_later_touch_decides(
    face_off: Frames, after: list[tuple[int, int]], outcome: str
):
    duels = list(fifty_fifties_of(moments_of(face_off), touched((1, 0), (2, 1), *after)))
    assert [(duel.player, duel.other, duel.values) for duel in duels] == [
        (0, 1, {"outcome": outcome})
    ]


def test_a_car_that_may_drive_on_a_wall_or_the_ceiling_is_not_in_the_air():
    middle, wall, end, ceiling, corner, low = (
        (0, 0, 400),
        (4050, 0, 400),
        (0, -5050, 400),
        (0, 0, 2000),
        (-3950, 4050, 400),
        (0, 0, 200),
    )
    places = np.array([middle, wall, end, ceiling, corner, low], float)
    assert in_the_air(places).tolist() == [True, False, False, False, False, False]


def test_a_count_that_rises_by_two_in_one_frame_is_two_events(make_frames, make_track):
    rise = Tallied(
        frame=np.array([3]), player=np.array([0]), name=("MatchSaves",), by=np.array([2])
    )
    frames = replace(make_frames(make_track("Ann")), tallied=rise)
    events = list(tallied_events(moments_of(frames)))
    assert [(event.kind, event.time_s, event.player) for event in events] == [("save", 3.0, 0)] * 2
