from __future__ import annotations

import numpy as np
import pytest

from parsekit_local.frames import (
    Account,
    BoostSamples,
    Car,
    Countdowns,
    Demolitions,
    Frames,
    GameClock,
    Goals,
    Hits,
    Pickups,
    PlayerTrack,
    RigidBodies,
    ScoreLine,
    Switches,
)
from parsekit_local.header_facts import HeaderPlayer
from parsekit_local.roster import participants

_NOBODY = np.zeros(0, np.int64)
_STEAM = Account(platform="steam", id="76561190000000001")


def _car() -> Car:
    return Car(
        first_frame=0,
        end_frame=9,
        bodies=RigidBodies(frame=_NOBODY, position=np.zeros((0, 3)), velocity=np.zeros((0, 3))),
        boosts=(BoostSamples(frame=_NOBODY, amount=_NOBODY),),
        handbrake=Switches(frame=_NOBODY, on=np.zeros(0, np.bool_)),
        pickups=Pickups(frame=_NOBODY, pad=_NOBODY),
    )


def _track(
    name: str,
    *,
    account: Account | None = None,
    team: int | None = 0,
    cars: int = 1,
    score: int = 0,
) -> PlayerTrack:
    return PlayerTrack(
        name=name,
        account=account,
        is_bot=account is None,
        team=team,
        first_frame=0,
        end_frame=9,
        cars=tuple(_car() for _ in range(cars)),
        camera=None,
        steering_sensitivity=None,
        body_ids=(None, None),
        score_line=ScoreLine(score=score),
    )


def _frames(*players: PlayerTrack) -> Frames:
    time_s = np.arange(10.0)
    return Frames(
        raw_time_s=time_s,
        delta_s=np.ones(10),
        time_s=time_s,
        keyframes=_NOBODY,
        gaps=_NOBODY,
        players=players,
        balls=(),
        hits=Hits(frame=_NOBODY, team=_NOBODY),
        countdowns=Countdowns(first_frame=_NOBODY, last_frame=_NOBODY),
        goals=Goals(frame=_NOBODY, conceding_team=_NOBODY),
        demolitions=Demolitions(frame=_NOBODY, attacker=_NOBODY, victim=_NOBODY),
        states=(),
        game_clock=GameClock(frame=_NOBODY, seconds=_NOBODY),
    )


def _line(
    name: str, *, account: Account | None = None, team: int = 0, score: int = 0
) -> HeaderPlayer:
    return HeaderPlayer(
        name=name,
        team=team,
        is_bot=account is None,
        account=account,
        score_line=ScoreLine(score=score),
    )


def test_an_account_joins_both_sources_though_the_names_differ() -> None:
    other = _track("b", account=Account(platform="steam", id="2"))
    stream = _frames(other, _track("NAME", account=_STEAM))
    found = participants([_line("name", account=_STEAM)], stream)
    assert [(player.name, player.index) for player in found] == [("NAME", 1), ("b", 0)]


def test_the_header_s_score_wins_over_the_stream_s() -> None:
    stream = _frames(_track("a", account=_STEAM, score=10))
    (player,) = participants([_line("a", account=_STEAM, score=55)], stream)
    assert player.score_line.score == 55


def test_two_players_of_one_machine_are_told_apart() -> None:
    second = Account(platform="steam", id=_STEAM.id, player_number=1)
    stream = _frames(_track("a(1)", account=second), _track("a", account=_STEAM))
    found = participants([_line("a", account=_STEAM), _line("a(1)", account=second)], stream)
    assert [(player.name, player.index) for player in found] == [("a", 1), ("a(1)", 0)]


def test_accounts_without_a_number_are_joined_by_name() -> None:
    """As PlayStation players of 2016, all of whom have the number 0 in the header."""
    header = Account(platform="playstation", id="0", online_name="b")
    stream = _frames(
        _track("a", account=Account(platform="playstation", id="1", online_name="a")),
        _track("b", account=Account(platform="playstation", id="1", online_name="b")),
    )
    found = participants([_line("b", account=header)], stream)
    assert {player.name: player.index for player in found} == {"a": 0, "b": 1}


def test_bots_of_one_name_are_each_joined_once() -> None:
    stream = _frames(_track("Bot"), _track("Bot"))
    found = participants([_line("Bot"), _line("Bot")], stream)
    assert [player.index for player in found] == [0, 1]


def test_a_person_named_like_a_bot_is_not_the_bot() -> None:
    stream = _frames(_track("Bot"))
    found = participants([_line("Bot", account=_STEAM)], stream)
    assert [(player.is_bot, player.index) for player in found] == [(False, None), (True, 0)]


@pytest.mark.parametrize(
    "track", [_track("spectator", account=_STEAM, team=None), _track("late", cars=0)]
)
def test_who_never_played_is_not_listed(track: PlayerTrack) -> None:
    assert participants([], _frames(track)) == ()


def test_a_leaver_is_listed_with_the_last_score() -> None:
    stream = _frames(_track("left", account=_STEAM, team=1, score=77))
    (player,) = participants([], stream)
    assert (player.team, player.score_line.score) == (1, 77)


def test_players_stand_by_team_then_score_then_name() -> None:
    lines = [
        _line("d", team=1, score=5),
        _line("b", score=5),
        _line("c", score=9),
        _line("a", score=5),
    ]
    assert [player.name for player in participants(lines, None)] == ["c", "a", "b", "d"]
