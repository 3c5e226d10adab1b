"""Rules of the stream reader, one at a time, on hand-made dictionaries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from parsekit_local.stream.dictionary import log_of
from parsekit_local.stream.frames import Frames, PlatformAccount
from parsekit_local.stream.interpretation import interpret
from parsekit_local.stream.lives import Life

OBJECTS = [
    "TAGame.Default__PRI_TA",
    "Archetypes.Car.Car_Default",
    "Archetypes.CarComponents.CarComponent_Boost",
    "Archetypes.Teams.Team0",
    "Archetypes.Teams.Team1",
    "Archetypes.Ball.Ball_Default",
    "Park_P.TheWorld:PersistentLevel.VehiclePickup_Boost_TA_1",
    "Engine.PlayerReplicationInfo:PlayerName",
    "Engine.PlayerReplicationInfo:UniqueId",
    "Engine.PlayerReplicationInfo:Team",
    "Engine.PlayerReplicationInfo:bBot",
    "Engine.Pawn:PlayerReplicationInfo",
    "TAGame.CarComponent_TA:Vehicle",
    "TAGame.CarComponent_Boost_TA:ReplicatedBoostAmount",
    "TAGame.VehiclePickup_TA:NewReplicatedPickupData",
    "TAGame.RBActor_TA:ReplicatedRBState",
    "TAGame.Ball_TA:HitTeamNum",
    "TAGame.Car_TA:ReplicatedDemolish",
    "Engine.TeamInfo:Score",
    "TAGame.PRI_TA:MatchSaves",
    "TAGame.PRI_TA:MatchEpicSaves",
]
PRI, CAR, BOOST, BLUE, ORANGE, BALL, PAD = range(7)
BLUE_ID, ORANGE_ID = 90, 91


def named(attribute: str) -> int:
    return next(i for i, name in enumerate(OBJECTS) if name.endswith(f":{attribute}"))


def frame(
    *updates: tuple[int, str, Any], new: Sequence[tuple[int, int]] = (), deleted: Sequence[int] = ()
) -> dict[str, Any]:
    """One frame: updates as (actor, attribute, value), new actors as (actor, object)."""
    return {
        "deleted_actors": list(deleted),
        "new_actors": [{"actor_id": actor, "object_id": kind} for actor, kind in new],
        "updated_actors": [
            {"actor_id": actor, "object_id": named(attribute), "attribute": {"Any": value}}
            for actor, attribute, value in updates
        ],
    }


def read(*frames: dict[str, Any], keyframes: Sequence[int] = (), step_s: float = 0.1) -> Frames:
    for number, row in enumerate(frames):
        row.setdefault("time", number * step_s)
        row.setdefault("delta", step_s)
    replay = {
        "objects": OBJECTS,
        "names": [],
        "keyframes": [{"frame": number} for number in keyframes],
        "net_version": 10,
        "network_frames": {"frames": list(frames)},
        "levels": [],
        "debug_info": [],
    }
    return interpret(log_of(replay))


def to(actor: int) -> dict[str, Any]:
    return {"active": actor >= 0, "actor": actor}


def steam(number: str, local_id: int = 0) -> dict[str, Any]:
    return {"local_id": local_id, "remote_id": {"Steam": number}, "system_id": 1}


def body(x: float, *, sleeping: bool = False) -> dict[str, Any]:
    return {
        "location": {"x": x, "y": 0.0, "z": 17.0},
        "linear_velocity": None,
        "sleeping": sleeping,
    }


def joins(pri: int, car: int, *, account: str = "7", local_id: int = 0) -> dict[str, Any]:
    """The frame in which a player of the blue team appears with a car."""
    return frame(
        (pri, "PlayerName", f"player {account}"),
        (pri, "UniqueId", steam(account, local_id)),
        (pri, "Team", to(BLUE_ID)),
        (car, "PlayerReplicationInfo", to(pri)),
        new=[(BLUE_ID, BLUE), (ORANGE_ID, ORANGE), (pri, PRI), (car, CAR)],
    )


def test_a_player_is_who_the_account_says() -> None:
    (player,) = read(joins(1, 2)).players

    assert player.account == PlatformAccount(platform="steam", id="7")
    assert (player.team, player.is_bot, len(player.cars)) == (0, False, 1)


def test_split_screen_players_share_an_account_and_are_two() -> None:
    frames = read(joins(1, 2), joins(3, 4, local_id=1))

    assert [p.account.player_number for p in frames.players if p.account] == [0, 1]


def test_a_rejoin_is_the_same_player() -> None:
    frames = read(joins(1, 2), frame(deleted=[1, 2]), joins(3, 4))

    (player,) = frames.players
    assert [(car.first_frame, car.end_frame) for car in player.cars] == [(0, 1), (2, 3)]


def test_a_leaver_keeps_the_team() -> None:
    (player,) = read(joins(1, 2), frame((1, "Team", to(-1)))).players

    assert player.team == 0


def tallied(frames: Frames) -> list[tuple[int, int, str, int]]:
    rows = frames.tallied
    columns = (rows.frame.tolist(), rows.player.tolist(), rows.name, rows.by.tolist())
    return list(zip(*columns, strict=True))


def test_each_rise_of_a_count_is_one_of_its_frame() -> None:
    frames = read(
        joins(1, 2),
        frame((1, "MatchSaves", 1)),
        frame((1, "MatchSaves", 1)),  # a key frame repeats it
        frame((1, "MatchEpicSaves", 1), (1, "MatchSaves", 3)),
        keyframes=[2],
    )

    assert tallied(frames) == [
        (1, 0, "MatchSaves", 1),
        (3, 0, "MatchEpicSaves", 1),
        (3, 0, "MatchSaves", 2),
    ]
    assert dict(frames.players[0].counters) == {"MatchSaves": 3, "MatchEpicSaves": 1}
    assert frames.players[0].score_line.saves == 3


def test_what_a_player_comes_with_was_counted_before() -> None:
    begins = joins(1, 2)
    begins["updated_actors"] += frame((1, "MatchSaves", 4))["updated_actors"]
    frames = read(begins, frame((1, "MatchSaves", 5)))

    assert tallied(frames) == [(1, 0, "MatchSaves", 1)]
    assert frames.players[0].score_line.saves == 5


def test_a_count_that_was_never_sent_is_not_known() -> None:
    assert dict(read(joins(1, 2)).players[0].counters) == {}


def test_somebody_without_account_or_car_is_nobody() -> None:
    assert read(frame((1, "PlayerName", "Player"), new=[(1, PRI)])).players == ()


def test_the_same_actor_announced_again_is_the_same_life() -> None:
    frames = read(joins(1, 2), frame(new=[(1, PRI), (2, CAR)]), keyframes=[0, 1])

    (player,) = frames.players
    assert [(car.first_frame, car.end_frame) for car in player.cars] == [(0, 2)]


def test_an_id_given_to_another_kind_ends_the_first_life() -> None:
    frames = read(joins(1, 2), frame(new=[(2, BALL)]))

    assert frames.players[0].cars[0].end_frame == 1
    assert frames.balls[0].first_frame == 1


@pytest.mark.parametrize(
    ("second", "keyframes", "rows"),
    [
        (body(5), [1], 1),
        (body(5), [], 2),
        (body(6), [1], 2),
        (body(5, sleeping=True), [1], 2),
    ],
)
def test_a_keyframe_repeats_only_what_did_not_change(
    second: dict[str, Any], keyframes: list[int], rows: int
) -> None:
    first = joins(1, 2)
    first["updated_actors"] += frame((2, "ReplicatedRBState", body(5)))["updated_actors"]
    frames = read(first, frame((2, "ReplicatedRBState", second)), keyframes=keyframes)

    assert len(frames.players[0].cars[0].bodies) == rows


def test_boost_reported_before_its_car_is_known_counts() -> None:
    frames = read(
        joins(1, 2),
        frame((5, "ReplicatedBoostAmount", 85), new=[(5, BOOST)]),
        frame((5, "ReplicatedBoostAmount", 85)),
        frame((5, "Vehicle", to(2)), (5, "ReplicatedBoostAmount", 85)),
        keyframes=[3],
    )

    (samples,) = frames.players[0].cars[0].boosts
    assert samples.frame.tolist() == [1, 2]


def test_a_component_stays_with_its_first_car() -> None:
    frames = read(
        joins(1, 2),
        joins(3, 4, account="8"),
        frame((5, "Vehicle", to(2)), (5, "ReplicatedBoostAmount", 85), new=[(5, BOOST)]),
        frame((5, "Vehicle", to(4))),
    )

    assert [len(player.cars[0].boosts) for player in frames.players] == [1, 0]


def test_a_pad_must_be_seen_free_before_it_is_taken_again() -> None:
    def taken(by: int) -> tuple[int, str, Any]:
        return (6, "NewReplicatedPickupData", {"instigator": by, "picked_up": 1})

    frames = read(
        joins(1, 2),
        frame(taken(2), new=[(6, PAD)]),
        frame(taken(2)),
        frame((6, "NewReplicatedPickupData", {"instigator": None, "picked_up": 255})),
        frame(taken(2)),
        frame(taken(77)),
    )

    assert frames.players[0].cars[0].pickups.frame.tolist() == [1, 4]


def test_a_touch_repeated_in_a_keyframe_is_old_unless_a_replay_was_skipped() -> None:
    touch = (8, "HitTeamNum", 1)
    after = frame(touch)
    after |= {"time": 9.0, "delta": 0.0}
    frames = read(
        frame(touch, new=[(8, BALL)]), frame(touch), frame(touch), after, keyframes=[2, 3]
    )

    assert frames.gaps.tolist() == [3]
    assert frames.hits.frame.tolist() == [0, 1, 3]


def test_a_car_dies_once() -> None:
    def wreck(victim: int) -> tuple[int, str, Any]:
        return (4, "ReplicatedDemolish", {"attacker": 4, "victim": victim})

    frames = read(
        joins(1, 2), joins(3, 4, account="8"), frame(wreck(2)), frame(wreck(2)), frame(wreck(-1))
    )

    events = frames.demolitions
    assert (events.frame.tolist(), events.attacker.tolist(), events.victim.tolist()) == (
        [2],
        [1],
        [0],
    )


def test_the_board_of_the_first_frame_is_one_goal() -> None:
    board = frame((BLUE_ID, "Score", 3), new=[(BLUE_ID, BLUE)])
    frames = read(board, frame((BLUE_ID, "Score", 3)), frame((BLUE_ID, "Score", 4)))

    assert frames.goals.frame.tolist() == [0, 2]
    assert frames.goals.conceding_team.tolist() == [1, 1]


def test_the_clock_stops_with_the_last_body_before_a_gap() -> None:
    first = joins(1, 2)
    first["updated_actors"] += frame((2, "ReplicatedRBState", body(1)))["updated_actors"]
    after = frame()
    after |= {"time": 20.0, "delta": 0.0}
    last = frame()
    last |= {"time": 20.1, "delta": 0.1}
    frames = read(first, frame((2, "ReplicatedRBState", body(2))), frame(), after, last)

    assert frames.time_s.tolist() == pytest.approx([0, 0.1, 0.1, 0.1, 0.2], abs=1e-6)


def test_a_frame_of_ages_stops_the_clock() -> None:
    forever = frame()
    forever |= {"time": 1e30, "delta": 1e30}

    assert read(frame(), frame(), forever).time_s[-1] <= 0.1


def test_updates_of_unknown_actors_are_passed_over() -> None:
    assert read(frame((55, "HitTeamNum", 1))).hits.frame.tolist() == []


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("Archetypes.Car.Car_Default", "car"),
        ("Archetypes.Car.Car_PostGameLobby", "car"),
        ("Archetypes.GameEvent.GameEvent_Season:CarArchetype", "car"),
        ("Archetypes.KnockOut.GameEvent_Knockout:CarArchetype", "car"),
        ("Mutators.Mutators.Mutators.FreePlay:CarArchetype", "car"),
        ("Archetypes.CarComponents.CarComponent_Boost", "boost"),
        ("Archetypes.KnockOut.GameEvent_Knockout:CarArchetype.Boost", "boost"),
        ("Archetypes.KnockOut.GameEvent_Knockout:CarArchetype.Dodge", None),
        ("Archetypes.GameEvent.GameEvent_Season", None),
        ("Archetypes.Ball.Ball_Default", "ball"),
        ("Archetypes.Ball.CubeBall", "ball"),
        ("Archetypes.Ball.ball_luminousairplane", "ball"),
        ("Archetypes.Ball.BallComponent_KeepUp", None),
        ("Archetypes.Ball.Ball_RingSpawner", None),
        ("TAGame.Default__PRI_KnockOut_TA", "player"),
    ],
)
def test_kinds_of_actors_in_every_mode(kind: str, what: str | None) -> None:
    life = Life(number=0, kind=kind)
    kinds = ("car", "boost", "ball", "player")
    assert [name for name in kinds if getattr(life, f"is_{name}")] == ([what] if what else [])


def test_the_teams_of_free_play_are_white() -> None:
    kinds = ("Team0", "Team1", "TeamWhite0", "TeamWhite1", "TeamX")
    found = [Life(number=0, kind=f"Archetypes.Teams.{kind}").team_number for kind in kinds]
    assert found == [0, 1, 0, 1, None]
