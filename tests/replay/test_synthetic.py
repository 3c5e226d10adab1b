from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import subtr_actor

from parsekit.replay import check_envelope
from parsekit.testing.replays.file import (
    Goal,
    Match,
    Player,
    believable_match,
    synthetic_replay,
    write_replay,
)

TYPICAL = believable_match(team_size=3, seed=4)
FRAMES = 900


@cache
def decoded(match: Match = TYPICAL, frames: int = FRAMES) -> dict[str, Any]:
    replay: dict[str, Any] = subtr_actor.parse_replay(synthetic_replay(match, frames))
    return replay


@cache
def updates(attribute: str) -> list[tuple[int, int, Any]]:
    """Frame, actor and value of each update of an attribute in the typical match."""
    return list(_updates(attribute))


def _updates(attribute: str) -> Iterator[tuple[int, int, Any]]:
    replay = decoded()
    wanted = {n for n, name in enumerate(replay["objects"]) if name.endswith(f":{attribute}")}
    for frame, row in enumerate(replay["network_frames"]["frames"]):
        for update in row["updated_actors"]:
            if update["object_id"] in wanted:
                yield frame, update["actor_id"], next(iter(update["attribute"].values()))


def actors(archetype: str) -> set[int]:
    replay = decoded()
    number = replay["objects"].index(archetype)
    frames = replay["network_frames"]["frames"]
    new = (actor for frame in frames for actor in frame["new_actors"])
    return {actor["actor_id"] for actor in new if actor["object_id"] == number}


@pytest.mark.parametrize("frames", [0, 1, 2, 3, 4, 5, 7, 300])
@pytest.mark.parametrize("team_size", [1, 2, 3, 4, 6])
def test_a_full_parser_reads_every_frame(team_size: int, frames: int) -> None:
    match = believable_match(
        team_size=team_size, seed=team_size, bots=1, overtime=team_size % 2 == 1
    )
    replay = decoded(match, frames)
    assert len(replay["network_frames"]["frames"]) == frames
    assert replay["properties"]["NumFrames"] == frames


def test_a_full_parser_finds_the_players(tmp_path: Path) -> None:
    path = write_replay(tmp_path / "match.replay", TYPICAL, frames=60)
    meta = subtr_actor.get_replay_meta(str(path))["replay_meta"]
    for team, players in (("team_zero", TYPICAL.blue), ("team_one", TYPICAL.orange)):
        assert {(entry["name"], entry["stats"]["Score"]) for entry in meta[team]} == {
            (player.name, player.score) for player in players
        }


def test_the_tiny_variant_is_tiny_and_whole(tmp_path: Path) -> None:
    path = write_replay(tmp_path / "tiny.replay", believable_match(team_size=1), frames=0)
    assert path.stat().st_size < 3000
    check_envelope(path, max_bytes=3000)


def test_the_same_match_gives_the_same_bytes() -> None:
    again = believable_match(team_size=3, seed=4)
    assert synthetic_replay(again, 50) == synthetic_replay(TYPICAL, 50)


def test_another_match_has_another_id() -> None:
    matches = [believable_match(seed=seed, bots=bots) for seed in range(9) for bots in (0, 1)]
    assert len({decoded(match, 0)["properties"]["Id"] for match in matches}) == len(matches)


@pytest.mark.parametrize("frames", [0, 40])
def test_another_seed_gives_other_bytes(frames: int) -> None:
    contents = {synthetic_replay(believable_match(seed=seed), frames) for seed in range(50)}
    assert len(contents) == 50


def test_the_header_tells_the_match() -> None:
    facts = decoded(TYPICAL, 0)["properties"]
    assert facts["TeamSize"] == 3
    assert (facts["Team0Score"], facts["Team1Score"]) == (
        TYPICAL.goals_for(0),
        TYPICAL.goals_for(1),
    )
    assert [goal["PlayerName"] for goal in facts["Goals"]] == [
        goal.scorer for goal in TYPICAL.goals
    ]
    assert facts["MapName"] == "Stadium_P"
    assert facts["Date"] == "2026-01-02 03-04-05"


def test_goals_of_the_players_add_up() -> None:
    for seed in range(20):
        match = believable_match(seed=seed, overtime=seed % 2 == 1)
        for side, players in ((0, match.blue), (1, match.orange)):
            assert sum(map(match.goals_of, players)) == match.goals_for(0 if side == 0 else 1)
            assert all(player.shots >= match.goals_of(player) for player in players)


def test_names_beyond_latin_survive() -> None:
    match = Match(
        blue=(Player(name="Synthetic ☃ 雪", steam_id=1),),
        orange=(Player(name="Synthetic é"),),
        goals=(Goal(clock_s=12, scorer="Synthetic ☃ 雪", side=0),),
        play_s=30,
    )
    replay = decoded(match, 30)
    assert replay["properties"]["Goals"][0]["PlayerName"] == "Synthetic ☃ 雪"
    assert "Synthetic é" in str(replay["network_frames"]["frames"][0])


def test_bots_have_no_account() -> None:
    match = believable_match(team_size=3, bots=2)
    stats = decoded(match, 1)["properties"]["PlayerStats"]
    assert [line["bBot"] for line in stats] == [False] * 4 + [True] * 2
    assert [line["OnlineID"] == "0" for line in stats] == [False] * 4 + [True] * 2


def test_overtime_is_longer_and_said_in_the_stream() -> None:
    match = believable_match(overtime=True)
    replay = decoded(match, 300)
    assert match.goals[-1].clock_s == match.play_s > 300
    assert match.goals_for(0) != match.goals_for(1)
    number = replay["objects"].index("TAGame.GameEvent_Soccar_TA:bOverTime")
    said = [
        update["attribute"]["Boolean"]
        for frame in replay["network_frames"]["frames"]
        for update in frame["updated_actors"]
        if update["object_id"] == number
    ]
    assert said == [False, True]


def test_time_goes_on_evenly_from_the_first_frame_to_the_end() -> None:
    frames = decoded()["network_frames"]["frames"]
    steps = {round(b["time"] - a["time"], 3) for a, b in pairwise(frames)}
    assert len(steps) == 1
    assert frames[-1]["time"] - frames[0]["time"] > TYPICAL.play_s


def test_every_kickoff_brings_a_ball_and_a_car_for_everybody() -> None:
    kickoffs = len(TYPICAL.goals) + 1
    assert len(actors("Archetypes.Ball.Ball_Default")) == kickoffs
    assert len(actors("Archetypes.Car.Car_Default")) == 6 * kickoffs


def test_what_the_cars_do_is_in_the_range_of_real_ones() -> None:
    cars = actors("Archetypes.Car.Car_Default")
    states = [state for _, actor, state in updates("ReplicatedRBState") if actor in cars]
    moving = [math.hypot(*state["linear_velocity"].values()) for state in states]
    places = [state["location"] for state in states]
    assert 800 < sum(moving) / len(moving) < 1800
    assert sum(speed > 2200 for speed in moving) > 10
    assert all(abs(place["x"]) < 4096 and abs(place["y"]) < 5300 for place in places)
    assert {place["z"] > 840 for place in places} == {True, False}


def test_velocity_agrees_with_the_change_of_place() -> None:
    match = replace(believable_match(team_size=1), goals=(), play_s=20)
    replay = decoded(match, 600)
    step_s = replay["network_frames"]["frames"][1]["delta"]
    body = replay["objects"].index("TAGame.RBActor_TA:ReplicatedRBState")
    rows: dict[int, list[Any]] = {}
    for frame in replay["network_frames"]["frames"]:
        for update in frame["updated_actors"]:
            if update["object_id"] == body:
                state = update["attribute"]["RigidBody"]
                rows.setdefault(update["actor_id"], []).append(state)
    for states in list(rows.values())[1:]:
        for before, after in pairwise(states):
            way = after["location"]["x"] - before["location"]["x"]
            assert way == pytest.approx(after["linear_velocity"]["x"] * step_s, abs=0.05)


def test_cars_look_where_they_drive() -> None:
    cars = actors("Archetypes.Car.Car_Default")
    for _, actor, state in updates("ReplicatedRBState"):
        velocity = state["linear_velocity"]
        if actor in cars and math.hypot(velocity["x"], velocity["y"]) > 300:
            turn = state["rotation"]
            yaw = 2 * math.atan2(turn["z"], turn["w"])
            course = math.atan2(velocity["y"], velocity["x"])
            assert abs(math.remainder(yaw - course, math.tau)) < 0.02


def test_the_ball_is_in_the_right_goal_when_it_is_scored() -> None:
    balls = actors("Archetypes.Ball.Ball_Default")
    places = {
        frame: state["location"]["y"]
        for frame, actor, state in updates("ReplicatedRBState")
        if actor in balls
    }
    conceded = [(frame, side) for frame, _, side in updates("ReplicatedScoredOnTeam")]
    assert [1 - side for _, side in conceded] == [goal.side for goal in TYPICAL.goals]
    for frame, side in conceded:
        assert places[frame] == pytest.approx(-5120 if side == 0 else 5120, abs=1)
    assert [frame for frame, _ in conceded] == [
        goal["frame"] for goal in decoded()["properties"]["Goals"]
    ]


def test_boost_is_burned_and_collected() -> None:
    amounts: dict[int, list[int]] = {}
    for _, actor, value in updates("ReplicatedBoost"):
        amounts.setdefault(actor, []).append(value["boost_amount"])
    steps = [after - before for series in amounts.values() for before, after in pairwise(series)]
    assert all(series[0] == 85 for series in amounts.values())
    assert any(step < 0 for step in steps)
    picked = [value for _, _, value in updates("NewReplicatedPickupData") if value["instigator"]]
    assert sum(step > 0 for step in steps) == len(picked) > 20


def test_both_teams_touch_the_ball() -> None:
    touched = Counter(side for _, _, side in updates("HitTeamNum"))
    assert set(touched) == {0, 1}


def test_the_last_scores_are_those_of_the_description() -> None:
    lines = {player.name: player for _, player in TYPICAL.players()}
    names = {actor: name for _, actor, name in updates("PlayerName")}
    for attribute in ("score", "assists", "saves", "shots"):
        last = {actor: value for _, actor, value in updates(f"Match{attribute.title()}")}
        assert {names[actor]: value for actor, value in last.items()} == {
            name: getattr(player, attribute) for name, player in lines.items()
        }
