"""Timelines of real replays, beside what header and body say of the same match."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from parsekit import MatchEvent, Parsed, Timeline
from parsekit.body.timeline import NO_BOOST, NOWHERE
from parsekit_local.body.goals import goal_entries
from parsekit_local.events.goals import goals_of
from parsekit_local.events.moments import Moments
from parsekit_local.header.facts import HeaderGoal

#: How far a car comes in a tenth of a second, uu: 2300 uu/s, and frames that are late.
_FARTHEST = 350
#: Modes with goals of their own, and goals before the recording.
_OTHER_GOALS = {"gridiron", "dropshot_rumble", "multiple_balls", "own-goal", "07e9", "9a2cd"}


def players_of(parsed: Parsed) -> list[dict]:
    return [player for color in ("blue", "orange") for player in parsed.data[color]["players"]]


def timeline_of(parsed: Parsed) -> Timeline:
    assert parsed.timeline is not None
    return parsed.timeline


def goals(timeline: Timeline) -> list[MatchEvent]:
    return [event for event in timeline.events if event.kind == "goal"]


def test_players_are_those_of_the_body_in_its_order(good: dict[str, Parsed]):
    for parsed in good.values():
        mine = [(one.name, one.id) for one in timeline_of(parsed).players]
        assert mine == [(one["name"], one["id"].get("id", "")) for one in players_of(parsed)]


def test_goals_are_the_players_goals(good: dict[str, Parsed]):
    for stem, parsed in good.items():
        if any("goals" in warning for warning in parsed.warnings):
            continue  # own goals, a score set anew: the header itself says otherwise
        scored = Counter(event.player for event in goals(timeline_of(parsed)))
        names = enumerate(players_of(parsed))
        known = {place: player["stats"]["core"].get("goals", 0) for place, player in names}
        assert scored <= Counter(known), stem
        unlisted = stem == "old-ballchasing-midfield-car"  # the header's list lacks one
        assert scored.total() == sum(known.values()) - unlisted, stem


def test_a_goal_is_where_the_ball_is_in_the_net(good: dict[str, Parsed]):
    for stem, parsed in good.items():
        for goal in goals(timeline_of(parsed)) if stem not in _OTHER_GOALS else ():
            assert goal.position is not None
            assert goal.position[1] * (1 if goal.team == 0 else -1) > 5000, (stem, goal)


def test_a_replay_without_frames_has_its_header_alone(good: dict[str, Parsed]):
    timeline = timeline_of(good["no-frames"])
    assert (timeline.duration_s, timeline.tracks) == (0.0, None)


def test_a_goal_without_frames_has_no_time():
    [goal] = goals_of([HeaderGoal(frame=77, player="Ann", team=1)], [], None)
    assert (goal.time_s, goal.team, goal.player, goal.values) == (None, 1, None, {"frame": 77})


def test_a_goal_just_after_the_last_frame_has_its_time_and_a_later_one_none(make_frames):
    """Of ten frames, one a second: some recordings end a frame before their last goal."""
    frames = make_frames()
    both = [HeaderGoal(frame=frame, player="Ann", team=1) for frame in (10, 11)]
    assert [goal.time_s for goal in goals_of(both, [], Moments(frames, []))] == [9.0, None]
    assert [goal.get("time") for goal in goal_entries(both, [], frames)] == [9.0, None]


@pytest.mark.parametrize("stem", ["recent-ranked-doubles-2026-03-10", "soccar-lan"])
def test_tracks_stay_on_the_field_and_move_as_fast_as_cars(good: dict[str, Parsed], stem: str):
    timeline = timeline_of(good[stem])
    tracks = timeline.tracks
    assert tracks is not None
    assert tracks.ticks == pytest.approx(timeline.duration_s * tracks.rate_hz, abs=1.5)
    for car in tracks.cars:
        xyz = car.coordinates()
        places = list(zip(xyz[::3], xyz[1::3], xyz[2::3], strict=True))
        there = [place for place in places if place[0] != NOWHERE]
        assert len(there) > 0.8 * len(places)
        assert all(abs(x) < 4200 and abs(y) < 6100 and -10 < z < 2100 for x, y, z in there)
        assert all(boost <= 100 or boost == NO_BOOST for boost in car.boost)
        steps = sum(
            sum((a - b) ** 2 for a, b in zip(one, after, strict=True)) > _FARTHEST**2
            for one, after in pairwise(there)
        )
        assert steps < 10, "only kick-offs and demolitions move a car at once"


def test_the_clock_of_the_tracks_is_the_scoreboard(good: dict[str, Parsed]):
    tracks = timeline_of(good["recent-ranked-doubles-2026-03-10"]).tracks
    assert tracks is not None
    shown = list(tracks.clock_seconds())
    assert (shown[0], shown[-1]) == (300, 5), "the losers gave up"
    assert shown == sorted(shown, reverse=True)
