"""Matches of all kinds, by files of which only we know what is in them."""

from __future__ import annotations

from typing import Any

import pytest

from parsekit import JsonObject


def _players(body: JsonObject) -> list[JsonObject]:
    return [player for color in ("blue", "orange") for player in body[color]["players"]]


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("07e9", {"playlist_id": "offline", "map_name": "Dunk House", "match_type": "Offline"}),
        ("160c", {"playlist_id": "ranked-duels", "map_name": "Neo Tokyo", "team_size": 1}),
        (
            "3381",
            {"playlist_id": "ranked-solo-standard", "overtime": True, "overtime_seconds": 150},
        ),
        ("4375", {"playlist_id": "ranked-doubles", "season": 23, "season_type": "free2play"}),
        ("gridiron", {"playlist_id": "gridiron", "team_size": 4, "season": 2}),
        ("rumble", {"playlist_id": "rumble", "map_name": "DFH Stadium (Stormy)"}),
        ("heatseeker", {"playlist_id": "private", "map_name": "Futura Garden"}),
        ("up_to_no_good", {"map_name": "Hourglass", "season": 20}),
        ("soccar-lan", {"match_type": "LAN", "season": 3}),
        ("6796", {"date": "2025-03-15T16:45:41+01:00", "date_has_timezone": True}),
    ],
)
def test_facts_of_the_match(
    bodies: dict[str, JsonObject], name: str, facts: dict[str, Any]
) -> None:
    assert {key: bodies[name].get(key) for key in facts} == facts


@pytest.mark.parametrize(
    ("name", "grade"),
    [
        ("recent-ranked-doubles-2026-03-10", "exact"),
        ("160c", "exact"),
        ("3381", "exact"),
        ("soccar-lan", "exact"),
        ("rl-254", "exact"),
        ("07e9", "approximate"),
        ("9a2cd", "approximate"),
        ("beach_ball", "approximate"),
        ("dropshot_rumble", "approximate"),
        ("gridiron", "approximate"),
        ("heatseeker", "approximate"),
        ("multiple_balls", "approximate"),
        ("rumble", "approximate"),
        ("up_to_no_good", "approximate"),
    ],
)
def test_statistics_of_other_modes_are_not_called_exact(
    bodies: dict[str, JsonObject], name: str, grade: str
) -> None:
    grades = bodies[name]["fidelity"]["grades"]
    assert (grades["players.stats.boost"], grades["players.stats.core"]) == (grade, "exact")


def test_the_recorder_stands_where_the_header_names_one(bodies: dict[str, JsonObject]) -> None:
    assert bodies["heatseeker"]["recorder"] == _players(bodies["heatseeker"])[0]["name"]
    assert "recorder" not in bodies["4375"]


def test_overtime_seconds_stand_only_in_overtime(bodies: dict[str, JsonObject]) -> None:
    for body in bodies.values():
        assert ("overtime_seconds" in body) == body["overtime"]


def test_teams_have_their_own_names(bodies: dict[str, JsonObject]) -> None:
    lan, named = bodies["soccar-lan"], bodies["8905"]
    assert lan["blue"]["name"] != lan["orange"]["name"]
    assert ("name" in named["blue"], "name" in named["orange"]) == (False, True)


def test_the_server_s_region_is_the_stream_s_or_in_its_name(bodies: dict[str, JsonObject]) -> None:
    regions = {name: bodies[name]["server"]["region"] for name in ("8905", "4375", "3381", "07e9")}
    assert regions == {"8905": "TR6", "4375": "USW", "3381": "USE", "07e9": ""}


def test_spectators_are_not_listed(bodies: dict[str, JsonObject]) -> None:
    assert len(_players(bodies["soccar-lan"])) == 6


def test_bots_have_no_account(bodies: dict[str, JsonObject]) -> None:
    bots = [player for player in _players(bodies["rl-254"]) if player["id"] == {}]
    assert len(bots) == 3


def test_leavers_are_listed_with_their_last_score(bodies: dict[str, JsonObject]) -> None:
    players = _players(bodies["gridiron"])
    assert len(players) == 11  # of four against four
    assert sum(player["stats"]["core"]["goals"] for player in players) == 9
    early = [
        player for player in players if player["end_time"] < bodies["gridiron"]["duration"] - 1
    ]
    assert early


def test_platforms_of_all_kinds(bodies: dict[str, JsonObject]) -> None:
    found = {
        player["id"]["platform"]
        for body in bodies.values()
        for player in _players(body)
        if player["id"]
    }
    assert found == {"steam", "epic", "ps4", "xbox", "psynet"}


def test_players_stand_by_score(bodies: dict[str, JsonObject]) -> None:
    for body in bodies.values():
        for color in ("blue", "orange"):
            scores = [player["stats"]["core"].get("score", 0) for player in body[color]["players"]]
            assert scores == sorted(scores, reverse=True)


def test_a_forfeited_draw_has_the_winner_s_best_as_mvp(bodies: dict[str, JsonObject]) -> None:
    body = bodies["4375"]
    assert body["blue"]["stats"]["core"]["goals"] == body["orange"]["stats"]["core"]["goals"] == 1
    assert body["orange"]["players"][0]["mvp"] is True
