"""Each definition on a match small enough to do in the head."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from parsekit_local.statistics import PlayerStatistics, compute, team_sums
from parsekit_local.stream.frames import (
    Ball,
    BoostSamples,
    Car,
    Countdowns,
    Demolitions,
    Frames,
    GameClock,
    Goals,
    Hits,
    MatchFacts,
    Pickups,
    PlayerTrack,
    RigidBodies,
    ScoreLine,
    Switches,
    Tallied,
)

#: (frame, x, y, z, speed) of a body; frames are 0.1 s apart.
Row = tuple[int, float, float, float, float]

BIG_PAD = (3584.0, 0.0)
ORANGE_SMALL_PAD = (0.0, 2816.0)


def ints(values: Sequence[int]) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def bodies(rows: Sequence[Row]) -> RigidBodies:
    table = np.array(rows, dtype=np.float64).reshape(-1, 5)
    speed = np.zeros((len(table), 3))
    speed[:, 0] = table[:, 4]
    return RigidBodies(frame=table[:, 0].astype(np.int64), position=table[:, 1:4], velocity=speed)


def car(
    rows: Sequence[Row],
    boost: Sequence[tuple[int, int]] = (),
    pickups: Sequence[int] = (),
    handbrake: Sequence[tuple[int, bool]] = (),
    first_frame: int = 0,
    end_frame: int = 100,
) -> Car:
    samples = ints([v for row in boost for v in row]).reshape(-1, 2)
    return Car(
        first_frame=first_frame,
        end_frame=end_frame,
        bodies=bodies(rows),
        boosts=(BoostSamples(frame=samples[:, 0], amount=samples[:, 1]),) if boost else (),
        handbrake=Switches(
            frame=ints([f for f, _ in handbrake]), on=np.array([on for _, on in handbrake], bool)
        ),
        pickups=Pickups(frame=ints(pickups), pad=ints([0] * len(pickups))),
    )


def player(*cars: Car, team: int | None = 0, name: str = "one") -> PlayerTrack:
    return PlayerTrack(
        name=name,
        account=None,
        is_bot=True,
        team=team,
        first_frame=0,
        end_frame=100,
        cars=cars,
        camera=None,
        steering_sensitivity=None,
        body_ids=(None, None),
        score_line=ScoreLine(),
    )


def match(
    *players: PlayerTrack,
    count: int = 100,
    ball: Sequence[Row] = (),
    hits: Sequence[tuple[int, int]] = (),
    countdown: tuple[int, int] | None = None,
    goals: Sequence[tuple[int, int]] = (),
    demolitions: Sequence[tuple[int, int, int]] = (),
) -> Frames:
    events = ints([v for row in demolitions for v in row]).reshape(-1, 3)
    life = Ball(first_frame=0, end_frame=count, archetype="Ball_Default", bodies=bodies(ball))
    return Frames(
        raw_time_s=np.arange(count) / 10,
        delta_s=np.full(count, 0.1),
        time_s=np.arange(count) / 10,
        keyframes=ints([]),
        gaps=ints([]),
        players=players,
        balls=(life,) if ball else (),
        hits=Hits(frame=ints([f for f, _ in hits]), team=ints([t for _, t in hits])),
        countdowns=Countdowns(
            first_frame=ints([countdown[0]] if countdown else []),
            last_frame=ints([countdown[1]] if countdown else []),
        ),
        goals=Goals(frame=ints([f for f, _ in goals]), conceding_team=ints([t for _, t in goals])),
        demolitions=Demolitions(frame=events[:, 0], attacker=events[:, 1], victim=events[:, 2]),
        tallied=Tallied(frame=ints([]), player=ints([]), name=(), by=ints([])),
        states=(),
        game_clock=GameClock(frame=ints([]), seconds=ints([])),
        match=MatchFacts(),
    )


def alone(one: Car, **facts: object) -> PlayerStatistics:
    return compute(match(player(one), **facts)).players[0]  # type: ignore[arg-type]


def test_a_replay_without_frames_has_no_statistics() -> None:
    nothing = compute(match(count=0))

    assert not nothing.players
    assert nothing.ball[0] == {"possession_time": 0, "time_in_side": 0}


@pytest.mark.parametrize("rows", [[], [(0, 0.0, 0.0, 17.0, 0.0)]])
def test_a_car_of_at_most_one_report_has_zeros(rows: list[Row]) -> None:
    found = alone(car(rows), count=1, ball=[(0, 0, 0, 93, 0)])

    assert not any(found.movement.values())
    assert not any(v for k, v in found.boost.items() if k != "avg_amount")


def test_a_player_without_team_or_car_is_left_out() -> None:
    found = compute(match(player(), player(car([]), team=None)))

    assert not found.players


def test_time_is_booked_on_the_newer_report() -> None:
    found = alone(car([(0, 0, -100, 17, 2300), (10, 0, 100, 900, 1000)]))

    assert found.movement["time_slow_speed"] == 1
    assert found.movement["time_supersonic_speed"] == 0
    assert found.movement["percent_high_air"] == 100
    assert found.positioning["time_offensive_half"] == 1


@pytest.mark.parametrize(
    ("speed", "field"),
    [
        (1409.9, "time_slow_speed"),
        (1410, "time_boost_speed"),
        (2199.9, "time_boost_speed"),
        (2200, "time_supersonic_speed"),
    ],
)
def test_speed_bands(speed: float, field: str) -> None:
    assert alone(car([(0, 0, 0, 17, 0), (5, 0, 0, 17, speed)])).movement[field] == 0.5


@pytest.mark.parametrize(
    ("height", "field"),
    [(20, "time_ground"), (20.1, "time_low_air"), (840, "time_low_air"), (841, "time_high_air")],
)
def test_heights(height: float, field: str) -> None:
    assert alone(car([(0, 0, 0, 17, 0), (5, 0, 0, height, 0)])).movement[field] == 0.5


def test_orange_defends_the_other_goal() -> None:
    rows: list[Row] = [(0, 0, 5000, 17, 0), (10, 0, 5000, 17, 0)]
    found = compute(match(player(car(rows), team=1))).players[0]

    assert found.positioning["time_defensive_third"] == 1


@pytest.mark.parametrize(("team", "field"), [(0, "time_infront_ball"), (1, "time_behind_ball")])
def test_level_with_the_ball_is_north_of_it(team: int, field: str) -> None:
    frames = match(
        player(car([(0, 0, 0, 17, 0), (10, 0, 0, 17, 0)]), team=team), ball=[(0, 0, 0, 93, 0)]
    )

    assert compute(frames).players[0].positioning[field] == 1


def test_the_time_between_two_lives_is_nobodys() -> None:
    lives = car([(0, 0, 0, 17, 0), (10, 0, 0, 17, 0)]), car([(50, 0, 0, 17, 0), (60, 0, 0, 17, 0)])
    found = compute(match(player(*lives))).players[0]

    assert found.movement["time_ground"] == 2


def test_a_slide_needs_the_ground_and_may_last_no_time() -> None:
    rows: list[Row] = [(0, 0, 0, 17, 0), (10, 0, 0, 50, 0), (20, 0, 0, 17, 0), (30, 0, 0, 17, 0)]
    pulls = [(5, True), (8, False), (10, True), (12, False), (14, True), (16, False)]
    found = alone(car(rows, handbrake=pulls)).movement

    # on the ground in frames 0 to 10 and 20 to 30: the second touches, the third is in the air
    assert (found["count_powerslide"], found["time_powerslide"]) == (2, 0.3)
    assert found["avg_powerslide_duration"] == 0.15


def test_boost_bands_are_of_the_newer_sample() -> None:
    found = alone(car([(0, 0, 0, 17, 0)], boost=[(0, 85), (10, 0), (30, 255)])).boost

    assert (found["time_boost_0_25"], found["time_boost_75_100"]) == (1, 2)
    assert found["bpm"] == int(60 * 85 * 100 / 255 / 3)


def test_a_repeated_sample_starts_the_zero_timer_anew() -> None:
    samples = [(0, 85), (10, 0), (30, 0), (40, 10)]
    found = alone(car([(0, 0, 0, 17, 0)], boost=samples)).boost

    assert found["time_zero_boost"] == 1


def test_a_rise_belongs_to_the_pad_taken_last() -> None:
    rows: list[Row] = [(0, *BIG_PAD, 17, 0), (20, *ORANGE_SMALL_PAD, 17, 0)]
    samples = [(0, 85), (10, 255), (15, 200), (20, 230), (30, 255)]
    found = alone(car(rows, boost=samples, pickups=[9, 20])).boost

    assert (found["count_collected_big"], found["count_collected_small"]) == (1, 2)
    assert (found["count_stolen_big"], found["count_stolen_small"]) == (0, 2)
    assert found["amount_collected_big"] == int(170 * 100 / 255)
    assert found["amount_overfill"] == int((255 - 170 + 31 - 25) * 100 / 255)


def test_a_rise_without_any_pick_up_is_not_counted() -> None:
    assert alone(car([(0, 0, 0, 17, 0)], boost=[(0, 85), (10, 255)])).boost["bcpm"] == 0


def test_pads_of_an_unknown_field_are_told_by_what_they_give() -> None:
    rows: list[Row] = [(0, 0, 12_000, 17, 0)]
    found = alone(car(rows, boost=[(0, 85), (10, 255)], pickups=[5])).boost

    assert (found["count_collected_big"], found["count_stolen_big"]) == (1, 1)


def test_boost_is_spent_supersonic_on_the_ground_only() -> None:
    rows: list[Row] = [(0, 0, 0, 17, 2250), (20, 0, 0, 500, 2250)]
    found = alone(car(rows, boost=[(0, 255), (10, 204), (30, 153)])).boost

    assert found["amount_used_while_supersonic"] == 20


def test_the_active_clock_leaves_countdowns_out() -> None:
    rows: list[Row] = [(0, *BIG_PAD, 17, 0)]
    one = car(rows, boost=[(0, 85), (10, 255)], pickups=[5], end_frame=80)
    found = alone(one, countdown=(10, 40))

    assert (found.start_time, found.end_time) == (0, 8)
    assert found.boost["bcpm"] == pytest.approx(60 * 66 / 5)


def test_possession_goes_from_touch_to_touch_but_not_across_a_goal() -> None:
    frames = match(hits=[(10, 0), (30, 1), (50, 0), (70, 1), (80, 0)], goals=[(60, 1)])
    blue, orange = compute(frames).ball

    assert (blue["possession_time"], orange["possession_time"]) == (2, 3)


def test_distances_are_means_over_reports() -> None:
    rows: list[Row] = [(0, 800, 0, 93, 0), (10, 100, 0, 93, 0), (40, 300, 0, 93, 0)]
    rows += [(50, 400, 0, 93, 0), (70, 900, 0, 93, 0)]
    found = alone(car(rows), ball=[(0, 0, 0, 93, 0)], hits=[(10, 0), (40, 1), (60, 0)])

    assert found.positioning["avg_distance_to_ball"] == 500
    # the first touch is blue's at once, the second is orange's from the next frame on
    assert found.positioning["avg_distance_to_ball_possession"] == 200
    assert found.positioning["avg_distance_to_ball_no_possession"] == 400


def three_ticks(places: Sequence[float], frames: Sequence[int] = (0, 10, 20)) -> Car:
    return car([(f, 0.0, y, 17.0, 0.0) for f, y in zip(frames, places, strict=True)])


def test_roles_are_taken_in_ticks_that_a_player_reports_in() -> None:
    frames = match(
        player(three_ticks([-100, -100, -100])),
        player(three_ticks([-200, -200, -200], frames=(0, 10, 21)), name="two"),
        ball=[(0, 0, 0, 93, 0), (99, 0, 0, 93, 0)],
    )
    one, two = (compute(frames).players[i].positioning for i in (0, 1))

    # together in the tick of frame 10; each alone in the last, and so everything at once
    assert (one["time_most_back"], one["time_most_forward"]) == (1, 2)
    assert (two["time_most_back"], two["time_most_forward"]) == (2.1, 1.1)
    assert (one["time_closest_to_ball"], two["time_farthest_from_ball"]) == (2, 2.1)


def test_roles_rest_in_countdowns_and_after_the_last_ball() -> None:
    frames = match(
        player(three_ticks([-1, -1, -1, -1], frames=(0, 20, 30, 50))),
        countdown=(10, 20),
        ball=[(0, 0, 0, 93, 0), (40, 0, 0, 93, 0)],
    )

    assert compute(frames).players[0].positioning["time_most_back"] == 1


def test_a_goal_is_the_fault_of_the_last_of_its_tick() -> None:
    frames = match(
        player(three_ticks([-100, -100, -100])),
        player(three_ticks([-200, -200, -200], frames=(0, 10, 21)), name="two"),
        ball=[(0, 0, 0, 93, 0)],
        goals=[(10, 0), (20, 0), (15, 0), (10, 1)],
    )
    field = "goals_against_while_last_defender"

    # nobody reported in the tick of frame 15
    assert [compute(frames).players[i].positioning.get(field) for i in (0, 1)] == [1, 1]


def test_mates_are_averaged_mate_by_mate() -> None:
    frames = match(
        player(three_ticks([0, 0, 0])),
        player(three_ticks([100, 100], frames=(0, 10)), name="two"),
        player(three_ticks([400], frames=(20,)), name="three"),
        ball=[(0, 0, 0, 93, 0)],
    )

    assert compute(frames).players[0].positioning["avg_distance_to_mates"] == 250


def test_demolitions_of_nobody_count_for_nobody() -> None:
    frames = match(player(car([])), player(car([]), team=1), demolitions=[(5, 0, 1), (9, -1, 1)])
    found = compute(frames).players

    assert dict(found[0].demo) == {"inflicted": 1, "taken": 0}
    assert dict(found[1].demo) == {"inflicted": 0, "taken": 1}


def test_team_sums_leave_averages_and_roles_out() -> None:
    rows: list[Row] = [(0, 0, 0, 17, 500), (10, 0, 0, 17, 500)]
    found = compute(
        match(player(car(rows)), player(car(rows), name="two"), ball=[(0, 0, 0, 93, 0)])
    )
    sums = team_sums([one.groups() for one in found.players.values()])

    assert sums["movement"]["time_ground"] == 2
    assert not {"avg_speed", "percent_ground"} & sums["movement"].keys()
    assert not {"time_most_back", "avg_distance_to_ball"} & sums["positioning"].keys()
    assert team_sums([]) == {}
