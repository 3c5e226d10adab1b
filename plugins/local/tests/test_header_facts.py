from __future__ import annotations

from datetime import datetime

import pytest

from parsekit_local.header.facts import HeaderFacts, header_facts
from parsekit_local.header.properties import Choice, Properties, Structure
from parsekit_local.header.reader import Header
from parsekit_local.stream.frames import PlatformAccount


def _facts(**properties: object) -> HeaderFacts:
    values: Properties = properties  # type: ignore[assignment]
    return header_facts(
        Header(
            major_version=868,
            minor_version=32,
            net_version=10,
            game_type="TAGame.Replay_Soccar_TA",
            properties=values,
        )
    )


def _platform(name: str) -> Choice:
    return Choice("OnlinePlatform", f"OnlinePlatform_{name}")


def test_an_empty_header_has_no_facts() -> None:
    facts = _facts()
    assert (facts.title, facts.team_size, facts.local_date, facts.players) == (None, None, None, ())


def test_a_value_of_the_wrong_type_counts_as_absent() -> None:
    facts = _facts(TeamSize="3", ReplayName=7, MapName=True, PlayerStats="none", Id="not hex")
    assert facts == _facts()


def test_a_recorded_length_needs_a_rate() -> None:
    assert _facts(NumFrames=300, RecordFPS=30.0).recorded_s == 10
    assert _facts(NumFrames=300, RecordFPS=0.0).recorded_s is None


def test_a_number_that_is_none_counts_as_absent() -> None:
    assert _facts(NumFrames=300, RecordFPS=float("nan")).recorded_s is None
    assert _facts(TotalSecondsPlayed=float("inf")).seconds_played is None


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2016-09-01:21-39", datetime(2016, 9, 1, 21, 39)),
        ("2026-03-10 18-55-49", datetime(2026, 3, 10, 18, 55, 49)),
        ("yesterday", None),
        ("2026-13-10 18-55-49", None),
    ],
)
def test_both_forms_of_date_are_read(text: str, moment: datetime | None) -> None:
    assert _facts(Date=text).local_date == moment


@pytest.mark.parametrize(
    ("line", "account"),
    [
        (
            {"Platform": Choice("OnlinePlatform_Steam", None), "OnlineID": 76561190000000001},
            PlatformAccount(platform="steam", id="76561190000000001"),
        ),
        (
            {"Platform": _platform("Dingo"), "OnlineID": 2533270000000000},
            PlatformAccount(platform="xbox", id="2533270000000000"),
        ),
        (
            {"Platform": _platform("PS4"), "OnlineID": 0},
            PlatformAccount(platform="playstation", id="0", online_name="Synthetic"),
        ),
        (
            {
                "Platform": _platform("Epic"),
                "OnlineID": 0,
                "PlayerID": Structure(
                    "UniqueNetId",
                    {"EpicAccountId": "00ff", "SplitscreenID": Choice("None", 1)},
                ),
            },
            PlatformAccount(platform="epic", id="00ff", player_number=1),
        ),
        ({"Platform": _platform("Unknown"), "OnlineID": 0}, None),
        ({"Platform": _platform("Steam"), "OnlineID": 5, "bBot": True}, None),
        ({}, None),
    ],
)
def test_accounts_of_all_ages(line: Properties, account: PlatformAccount | None) -> None:
    (player,) = _facts(PlayerStats=[{"Name": "Synthetic", **line}]).players
    assert player.account == account


def test_a_score_that_is_not_there_is_zero_where_something_was_recorded() -> None:
    """The game leaves zeros out, and the scoreboard's zeros stand in empty headers too."""
    empty_line = {"Name": "Synthetic", "Score": 0, "Goals": 0}
    assert _facts(PlayerStats=[empty_line]).final_score is None
    assert _facts(PlayerStats=[empty_line], NumFrames=300).final_score == (0, 0)
    assert _facts(PlayerStats=[{**empty_line, "Score": 10}]).final_score == (0, 0)
    assert _facts(Team1Score=2).final_score == (0, 2)
    assert _facts(Team1Score="2", Goals="none", NumFrames=0).final_score is None


@pytest.mark.parametrize(
    ("values", "winner"),
    [
        ({"Team0Score": 3, "Team1Score": 2}, 0),
        ({"Team1Score": 2, "WinningTeam": 0}, 1),
        ({"NumFrames": 9, "WinningTeam": 1}, 1),
        ({"NumFrames": 9}, None),
        ({"WinningTeam": 1}, 1),
    ],
)
def test_the_winner_has_more_points_or_is_named(values: Properties, winner: int | None) -> None:
    assert _facts(**values).winner == winner


def test_scorers_stand_once_for_each_goal() -> None:
    goals = [{"PlayerName": name, "PlayerTeam": 0} for name in ("a", "b", "a")]
    assert _facts(Goals=goals).scorers == ("a", "b", "a")


def test_a_local_number_is_known_only_where_the_header_has_it() -> None:
    new = {"PlayerID": Structure("UniqueNetId", {"SplitscreenID": Choice("None", 0)})}
    players = _facts(PlayerStats=[{"Name": "Synthetic"}, {"Name": "Synthetic", **new}]).players
    assert [player.has_local_number for player in players] == [False, True]


def test_a_negative_count_is_none() -> None:
    (player,) = _facts(PlayerStats=[{"Name": "Synthetic", "Goals": -4}]).players
    assert player.score_line.goals == 0


def test_a_forfeit_and_a_match_that_was_not_ended_are_named() -> None:
    facts = _facts(bForfeit=True, bIsUnfinishedMatchReplay=True)
    assert (facts.forfeit, facts.unfinished) == (True, True)
    assert (_facts().forfeit, _facts(bForfeit=1).forfeit) == (False, False)
