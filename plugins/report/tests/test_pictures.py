"""What pictures and tints tell: places, ways, heights and colours, before they are drawn."""

from __future__ import annotations

from array import array
from dataclasses import replace

import pytest

from parsekit import MatchEvent, Timeline, Track
from parsekit_report.collection import collect
from parsekit_report.goals import goals_of
from parsekit_report.kickoffs import kickoffs_of
from parsekit_report.pitch import Pitch, pitch_of, standard_pitch
from parsekit_report.playback import playback_of
from parsekit_report.season import season_of
from parsekit_report.sheet import sheet_of
from parsekit_report.shots import shots_of
from parsekit_report.strips import clockwork_of
from parsekit_report.tables import tables_of
from parsekit_report.touches import touch_maps_of
from parsekit_report.zones import grids_of

from .made import outcome

PITCH = standard_pitch()


@pytest.fixture
def timeline() -> Timeline:
    made = outcome().timeline
    assert made is not None
    return made


def standing(timeline: Timeline, x: int, y: int) -> Timeline:
    """The same match in which ball and cars stand still at one place."""
    assert timeline.tracks is not None
    tracks = timeline.tracks
    position = (array("h", [x, y, 17]) * tracks.ticks).tobytes()
    cars = tuple(Track(position=position, boost=car.boost) for car in tracks.cars)
    return replace(timeline, tracks=replace(tracks, ball=Track(position=position), cars=cars))


def test_zones_are_where_the_player_was_and_all_attack_to_the_right(timeline: Timeline) -> None:
    grids = grids_of(standing(timeline, x=0, y=5000), PITCH)
    assert [grid.label for grid in grids] == ["Ball", "Ann", "Ben", "Cy", "Dee", "Eli", "Fay"]
    for grid in grids:
        own_goal, their_goal = grid.rows[2][0], grid.rows[2][-1]
        assert (own_goal.percent, their_goal.percent) == ((100, 0) if grid.team else (0, 100))
        assert grid.seconds == 60


def test_shots_and_touches_of_orange_lie_as_orange_sees_them(timeline: Timeline) -> None:
    events = tuple(
        MatchEvent(kind=kind, time_s=5.0, team=1, player=3, position=(1000, 4000, 93))
        for kind in ("touch", "shot")
    )
    own = replace(timeline, events=events)
    [touched], [shot] = touch_maps_of(own), shots_of(own)
    assert (touched.count, touched.own_half) == (1, 1)
    assert touched.sure == "M-400 100h0"
    assert shot.place == (-400, 100)


def test_a_goal_card_has_everybodys_way_boost_and_distance(timeline: Timeline) -> None:
    touch = MatchEvent(kind="touch", time_s=10.0, team=0, player=1, position=(0, 100, 93))
    still = standing(timeline, x=0, y=1000)
    goal, *_ = goals_of(replace(still, events=(touch, *timeline.events)))
    assert [trail.name for trail in goal.trails] == ["Ann", "Ben", "Cy", "Dee", "Eli", "Fay"]
    assert [trail.scorer for trail in goal.trails] == [True, False, False, False, False, False]
    assert [trail.boost for trail in goal.trails] == [(120 + 9 * n) % 101 for n in range(6)]
    assert {trail.end for trail in goal.trails} == {goal.ball_end} == {(100, 0)}
    assert {trail.ball_distance_m for trail in goal.trails} == {0}
    assert goal.touched_by == "Ann"  # whose touch at 11.0 s is the later one


def test_a_kick_off_draws_the_way_of_ball_and_everybody(timeline: Timeline) -> None:
    [kickoff] = kickoffs_of(timeline)
    ways = [part.path for part in kickoff.parts]
    assert all(way.startswith("M") and "l" in way for way in (*ways, kickoff.ball_path))
    assert len(set(ways)) == 6


def test_strips_tell_lead_side_possession_tanks_and_demolitions(timeline: Timeline) -> None:
    clockwork = clockwork_of(timeline, PITCH)
    assert clockwork is not None
    strips = {strip.label: strip for strip in clockwork.strips}
    names = ["Ann", "Ben", "Cy", "Dee", "Eli", "Fay"]
    assert list(strips) == ["Lead", "Ball", "Possession", *names, "Demolitions"]
    # 1-0 from 12.0 to 31.5 s, 2-1 from 50.0 s to the end, never behind
    [lead] = strips["Lead"].areas
    assert (lead.team, lead.path) == (0, "M200.0 20V10H525.0V20zM833.3 20V10H1000.0V20z")
    blue, orange = strips["Possession"].areas
    assert blue.path == "M51.7 0H150.0v20H51.7z"
    assert orange.path == "M150.0 20H500.0v20H150.0z"
    assert [mark.text for mark in strips["Demolitions"].marks] == [
        "Fay demolished Ann",
        "unknown demolished Fay",
    ]


def test_tints_follow_the_direction_that_is_good() -> None:
    made = outcome()
    assert made.data is not None
    players = [each for color in ("blue", "orange") for each in made.data[color]["players"]]
    for player, number in zip(players, (0, 5, 5, 5, 5, 10), strict=True):
        player["stats"]["core"].update(saves=number, goals_against=number)
        player["stats"]["boost"]["bpm"] = number
    tints = {
        column.label: [row.cells[index].tint for row in table.players]
        for table in tables_of(sheet_of(made))
        for index, column in enumerate(table.columns)
    }
    assert tints["Saves"] == ["b2", "", "", "", "", "g2"]
    assert tints["Goals against"] == ["g2", "", "", "", "", "b2"]
    assert tints["Boost per minute"] == ["", "", "", "", "", "n2"]


def test_a_field_that_is_not_the_standard_one_is_drawn_plain(timeline: Timeline) -> None:
    assert pitch_of(standing(timeline, x=4000, y=0)) == PITCH
    assert pitch_of(standing(timeline, x=100, y=100)) == Pitch("plain", 3581, 2966)
    assert pitch_of(standing(timeline, x=0, y=9050)) == Pitch("plain", 9100, 100)


def test_the_player_marks_every_event_once(timeline: Timeline) -> None:
    data = playback_of(timeline, PITCH)
    assert data is not None
    assert [(kind, clock, who) for _, kind, _, clock, who in data["events"]] == [
        ("kickoff", "1:00", ""),
        ("demolition", "0:10 in", "Fay"),
        ("shot", "0:49", "Ann"),
        ("goal", "0:48", "Ann"),
        ("demolition", "0:14 in", ""),
        ("goal", "0:28", "Dee"),
        ("shot", "0:20", "Fay"),
        ("save", "0:19", "Ann"),
        ("goal", "0:10", "Ben"),
    ]


def test_averages_and_medians_are_of_one_mode() -> None:
    made = [outcome(salt=n, day=n) for n in (1, 2, 3)]
    duel, goals = (("Ann",), ("Dee",)), ((12.0, 0, 0),)
    made += [outcome(duel, goals=goals, salt=n, day=n) for n in (4, 5)]
    for each, shots in zip(made, (1, 4, 5, 40, 50), strict=True):
        assert each.data is not None
        each.data["blue"]["players"][0]["stats"]["core"]["shots"] = shots
    collection = collect(made, player="Ann", last=None)
    assert collection.player is not None
    usual = [found.get(collection.player, {}) for _, found in collection.with_medians()]
    assert [each.get(("core", "shots")) for each in usual] == [4.5, 3, 2.5, None, None]
    shown = {}
    for mode in season_of(collection).modes:
        core = mode.tables[0]
        place = [column.label for column in core.columns].index("Shots")
        shown[mode.mode] = (core.players[0].name, core.players[0].cells[place].text)
    assert shown == {"3v3": ("Ann", "3.33"), "1v1": ("Ann", "45.00")}
