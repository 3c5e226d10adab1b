from __future__ import annotations

import pytest

from parsekit_local.body.cameras import camera, steering
from parsekit_local.body.core import most_valuable, player_core, shooting_percentage, team_core
from parsekit_local.body.identity import player_id
from parsekit_local.body.ranks import extremes, ranks_of
from parsekit_local.body.roster import Participant, participants
from parsekit_local.header.bounds import bounded
from parsekit_local.header.facts import HeaderPlayer
from parsekit_local.stream.frames import CameraSettings, PlatformAccount, ScoreLine
from parsekit_local.tables.cars import CARS


def _line(name: str, team: int, **score: int) -> HeaderPlayer:
    return HeaderPlayer(
        name=name,
        team=team,
        is_bot=False,
        account=None,
        has_local_number=False,
        score_line=ScoreLine(**score),
    )


def _match(*lines: HeaderPlayer) -> tuple[Participant, ...]:
    return participants(lines, None)


@pytest.mark.parametrize(
    ("account", "written"),
    [
        (None, {}),
        (PlatformAccount(platform="steam", id="7656"), {"platform": "steam", "id": "7656"}),
        (PlatformAccount(platform="epic", id="00ff"), {"platform": "epic", "id": "00ff"}),
        (
            PlatformAccount(platform="playstation", id="12", online_name="Synthetic"),
            {"platform": "ps4", "id": "Synthetic"},
        ),
        (PlatformAccount(platform="playstation", id="12"), {"platform": "ps4", "id": "12"}),
        (
            PlatformAccount(platform="xbox", id="2533274800000000"),
            {"platform": "xbox", "id": (2533274800000000).to_bytes(8, "little").hex()},
        ),
        (PlatformAccount(platform="switch", id="9"), {"platform": "psynet", "id": "9"}),
        (PlatformAccount(platform="psynet", id="9"), {"platform": "psynet", "id": "9"}),
        (PlatformAccount(platform="qq", id="9"), {}),
        (
            PlatformAccount(platform="steam", id="7656", player_number=1),
            {"platform": "steam", "id": "7656", "player_number": 1},
        ),
    ],
)
def test_ids_of_all_platforms(account: PlatformAccount | None, written: dict[str, object]) -> None:
    assert player_id(account) == written


def test_two_players_of_one_machine_have_different_ids() -> None:
    first, second = (PlatformAccount(platform="steam", id="1", player_number=n) for n in (0, 1))
    assert player_id(first) != player_id(second)


def test_the_best_of_the_winners_is_most_valuable() -> None:
    match = _match(_line("a", 0, score=900), _line("b", 1, score=100), _line("c", 1, score=50))
    best = most_valuable(match, 1)
    assert best is not None
    assert best.name == "b"


@pytest.mark.parametrize("nobody", [None, -1])
def test_without_a_winner_nobody_is_most_valuable(nobody: int | None) -> None:
    assert most_valuable(_match(_line("a", 0, score=900)), nobody) is None


def test_more_goals_than_shots_exceed_100_percent() -> None:
    assert shooting_percentage(4, 3) == pytest.approx(133.333, rel=1e-5)
    assert shooting_percentage(1, 0) == 0


def test_what_counts_against_a_player_is_the_whole_team_s() -> None:
    match = _match(_line("a", 0), _line("b", 1, goals=2, shots=3), _line("c", 1, goals=1, shots=1))
    core = player_core(match[0], match, is_mvp=False)
    assert (core["goals_against"], core["shots_against"]) == (3, 4)
    assert team_core(1, match)["shooting_percentage"] == 75


def test_an_empty_team_has_zeros() -> None:
    assert team_core(0, ())["shooting_percentage"] == 0


@pytest.mark.parametrize(("second", "first"), [(4770, 403), (5188, 404), (6122, 1171)])
def test_a_body_with_a_second_number_has_one_name(second: int, first: int) -> None:
    assert CARS[second] == CARS[first]


@pytest.mark.parametrize("number", [2298, 2313, 3594, 3622, 4367, 4472, 4473])
def test_bodies_that_were_met_have_a_name_of_their_own(number: int) -> None:
    assert list(CARS.values()).count(CARS[number]) == 1


def test_who_is_in_no_team_is_not_listed() -> None:
    assert _match(_line("referee", 255)) == ()


def test_a_time_at_zero_boost_is_part_of_the_lowest_band() -> None:
    boost = {"time_zero_boost": 6.0, "percent_zero_boost": 60.0, "time_boost_0_25": 5.0}
    positioning = {"time_most_back": 11.0, "percent_most_back": 110.0, "time_most_forward": 3.0}
    found = bounded({"boost": boost, "positioning": positioning, "demo": {"taken": 1}})
    assert found == {
        "boost": {"time_zero_boost": 5, "percent_zero_boost": 50, "time_boost_0_25": 5},
        "positioning": {"time_most_back": 10, "percent_most_back": 100, "time_most_forward": 3},
        "demo": {"taken": 1},
    }


def test_cameras_have_the_game_s_defaults() -> None:
    default = camera(None)
    assert (default["fov"], default["pitch"], default["transition_speed"]) == (90, -3, 1)
    assert (steering(None), steering(1.2999999523162842)) == (1, 1.3)


def test_old_cameras_have_no_transition() -> None:
    old = CameraSettings(
        fov=90, height=100, pitch=-5, distance=240, stiffness=0.8, swivel_speed=7.5,
        transition_speed=None,
    )  # fmt: skip
    assert camera(old)["transition_speed"] == 0


@pytest.mark.parametrize("setting", [float("nan"), float("inf"), -float("inf")])
def test_a_setting_that_is_no_number_is_zero(setting: float) -> None:
    assert steering(setting) == 0


def test_ranks_are_read_from_the_recorder_s_plugin() -> None:
    ranks = ranks_of(
        [
            ("GameStartTime", "2026-03-10T18:49:43+0000"),
            ("MMR:Steam|7|0:PRE", "1487.644|19|1"),
            ("MMR:Steam|7|0:POST", "1500.0|20|1"),
            ("MMR:Epic|8|0:PRE", "100.5|5|0"),
            ("MMR:Epic|9|0:PRE", "2000|22|0"),
            ("MMR:Epic|10|0:PRE", "600|0|0"),
            ("MMR:Epic|11|0:PRE", "600|99|0"),
            ("MMR:Atari|12|0:PRE", "600|3|0"),
        ]
    )
    assert ranks["steam", "7", 0] == {
        "id": "grand-champion-1",
        "tier": 19,
        "division": 2,
        "name": "Grand Champion I Division 2",
    }
    assert ranks["epic", "9", 0] == {
        "id": "supersonic-legend",
        "tier": 22,
        "name": "Supersonic Legend",
    }
    assert len(ranks) == 4
    found = extremes(ranks.values())
    assert (found["min_rank"]["id"], found["max_rank"]["tier"]) == ("silver-2", 22)
    assert extremes([]) == {}
