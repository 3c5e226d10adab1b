"""What a summary counts, and that no number spans two modes."""

from __future__ import annotations

import pytest

from parsekit.body.modes import mode_of
from parsekit.groups.game import game_of
from parsekit.groups.rosters import TeamIdentification
from parsekit.groups.summary import summarize
from tests.groups.bodies import body, player


def test_twos_and_threes_are_never_averaged_together():
    games = [game_of(body("ab", "xy")), game_of(body("abc", "xyz")), game_of(body("abc", "xyz"))]
    found = summarize(games)
    assert [(mode.mode, len(mode.games)) for mode in found.modes] == [("3v3", 2), ("2v2", 1)]
    assert [mode.players[0].record.games for mode in found.modes] == [2, 1]


@pytest.mark.parametrize(
    ("members", "mode"),
    [
        ({"playlist_id": "ranked-doubles", "playlist_name": "Ranked Doubles"}, "2v2"),
        ({"playlist_id": "private", "playlist_name": "Private"}, "2v2"),
        ({"playlist_id": "private", "mode": "Heatseeker"}, "2v2 Heatseeker"),
        ({"playlist_id": "private", "mode": "Soccar"}, "2v2"),
        ({"playlist_id": "ranked-hoops", "playlist_name": "Ranked Hoops"}, "2v2 Hoops"),
        ({"team_size": 2}, "2v2"),
    ],
)
def test_a_mode_is_a_size_and_a_game(members, mode):
    assert mode_of(body("ab", "xy", **members)) == mode


def test_leavers_and_substitutes_do_not_make_a_larger_mode():
    one, other = player("a", played_s=100), player("b", played_s=200, start_s=100)
    assert mode_of(body([one, other], ["x"], team_size=1)) == "1v1"
    assert mode_of(body([one, other], ["x"])) == "1v1"


def test_a_lobby_for_four_that_three_play_is_theirs():
    assert mode_of(body("abc", "xyz", team_size=4)) == "3v3"


def test_a_match_that_two_have_recorded_counts_once_and_the_whole_record_is_taken():
    cut = body("ab", "xy", match_guid="M", fidelity={"stream": "cut", "grades": {}})
    whole = body("ab", "xy", match_guid="M")
    found = summarize([game_of(cut, replay="cut"), game_of(whole, replay="whole")])
    (mode,) = found.modes
    assert [game.replay for game in mode.games] == ["whole"]
    assert [(out.replay, out.reason) for out in found.left_out] == [
        ("cut", "the same match as whole")
    ]


def test_a_training_and_a_match_against_nobody_count_for_nothing():
    found = summarize([game_of({}, replay="training"), game_of(body("a", ""), replay="alone")])
    assert found.modes == ()
    assert [(out.replay, out.reason) for out in found.left_out] == [
        ("training", "no players in it"),
        ("alone", "nobody on the other side"),
    ]


def test_games_stand_in_the_order_in_which_they_were_played():
    late, early = (
        game_of(body("a", "x", at=f"2026-03-0{day}T20:00:00Z"), replay=str(day)) for day in (2, 1)
    )
    assert [game.replay for game in summarize([late, early]).modes[0].games] == ["1", "2"]


def test_players_and_teams_are_told_apart_as_asked():
    games = [game_of(body("ab", "xy")), game_of(body("ac", "xy"))]
    (clusters,) = summarize(games).modes
    assert [team.roster.name for team in clusters.teams] == ["a & b & c", "x & y"]
    (exact,) = summarize(games, team_identification=TeamIdentification.DISTINCT).modes
    assert {team.roster.name for team in exact.teams} == {"a & b", "a & c", "x & y"}
    (named,) = summarize(games, player_identification="by-name").modes
    assert {player.key for player in named.players} == {("", "", name) for name in "abcxy"}
