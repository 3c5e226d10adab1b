"""Groups: a tree with sums, changed and deleted by who made it."""

from __future__ import annotations

from typing import Any

import pytest

from parsekit import Failure, game_of, group_sums
from parsekit_server.access import Role

from .running import Client, FakeParsing, RunningServer, body, replay_bytes


def created(client: Client, name: str = "Season", **more: Any) -> str:
    """A new group's id."""
    answer = client.call("POST", "/groups", json={"name": name, **more})
    assert answer.status_code == 201, answer.text
    group_id: str = answer.json()["id"]
    assert answer.json()["link"] == f"{client.api}/groups/{group_id}"
    return group_id


def test_a_group_sums_up_all_replays_below_it(client: Client, parsing: FakeParsing) -> None:
    bodies = [body(match_guid="1" * 32), body(match_guid="2" * 32, duration=200)]
    for seed, answer in enumerate(bodies):
        parsing.answer(replay_bytes(seed), answer)
    season = created(client, team_identification="by-player-clusters")
    week = created(client, "Week 1", parent=season)
    for seed, group in enumerate((season, week)):
        client.uploaded(replay_bytes(seed), group=group)
    shown = client.get(f"/groups/{season}")
    assert {name: shown[name] for name in ("players", "teams")} == group_sums(
        [game_of(each) for each in bodies]
    )
    assert shown["players"][0]["cumulative"]["games"] == 2
    assert (shown["status"], shown["shared"], shown["creator"]["name"]) == ("ok", False, "me")
    assert client.get(f"/groups/{week}")["players"][0]["cumulative"]["games"] == 1


def test_an_empty_group_has_neither_players_nor_teams(client: Client) -> None:
    shown = client.get(f"/groups/{created(client)}")
    assert shown["status"] == "ok"
    assert not shown.keys() & {"players", "teams", "failed_replays"}


def test_a_group_says_what_is_pending_and_what_failed(client: Client, parsing: FakeParsing) -> None:
    group = created(client)
    parsing.answer(replay_bytes(1), Failure(code="parser_failed", message="can't be read"))
    failed = client.uploaded(replay_bytes(1), group=group)
    shown = client.get(f"/groups/{group}")
    assert (shown["status"], shown["failed_replays"]) == ("failed_replays", [failed])
    parsing.may_go.clear()
    client.upload(replay_bytes(2), group=group)
    assert client.get(f"/groups/{group}")["status"] == "pending_replays"


def test_a_list_of_groups_counts_their_replays(client: Client) -> None:
    season = created(client)
    week = created(client, "Week 1", parent=season)
    day = created(client, "Day 1", parent=week)
    for seed, group in enumerate((season, week, day)):
        client.uploaded(replay_bytes(seed), group=group)
    listed = {each["id"]: each for each in client.get("/groups/")["list"]}
    counts = [
        (listed[group]["direct_replays"], listed[group]["indirect_replays"])
        for group in (season, week, day)
    ]
    assert counts == [(1, 2), (1, 1), (1, 0)]
    assert [each["id"] for each in client.get("/groups/", group=season)["list"]] == [week]
    names = client.get("/groups", **{"sort-by": "name", "sort-dir": "asc"})["list"]
    assert [each["name"] for each in names] == ["Day 1", "Season", "Week 1"]
    assert [each["id"] for each in client.get("/groups", name="WEEK")["list"]] == [week]
    assert client.get("/groups", creator="me")["count"] == 3
    assert client.get("/groups", creator="76561190000000000")["count"] == 0


def test_pages_of_groups_follow_one_another(client: Client) -> None:
    wanted = [created(client, f"Group {number}") for number in range(5)]
    found, path = [], "/groups?count=2&sort-by=name&sort-dir=asc"
    while path:
        page = client.get(path)
        assert page["count"] == 5
        found += [each["id"] for each in page["list"]]
        path = page.get("next", "")
    assert found == wanted


def test_a_group_moves_with_all_below_it(client: Client) -> None:
    season, other = created(client), created(client, "Other")
    week = created(client, "Week 1", parent=season)
    day = created(client, "Day 1", parent=week)
    replay_id = client.uploaded(replay_bytes(), group=day)
    assert client.call("PATCH", f"/groups/{week}", json={"parent": other}).status_code == 204
    assert "players" not in client.get(f"/groups/{season}")
    assert client.get(f"/groups/{other}")["players"]
    assert client.call("PATCH", f"/groups/{week}", json={"parent": ""}).status_code == 204
    assert "parent" not in client.get(f"/groups/{week}")
    assert client.get(f"/replays/{replay_id}")["groups"][0]["id"] == day


@pytest.mark.parametrize("below", ["self", "child"])
def test_a_group_never_holds_itself(client: Client, below: str) -> None:
    season = created(client)
    child = created(client, "Week 1", parent=season)
    parent = season if below == "self" else child
    answer = client.call("PATCH", f"/groups/{season}", json={"parent": parent})
    assert answer.status_code == 400
    assert "players" not in client.get(f"/groups/{season}")


def test_groups_are_changed(client: Client) -> None:
    group = created(client)
    changes = {
        "name": "League",
        "player_identification": "by-name",
        "team_identification": "by-player-clusters",
        "shared": True,
    }
    assert client.call("PATCH", f"/groups/{group}", json=changes).status_code == 204
    shown = client.get(f"/groups/{group}")
    assert {name: shown[name] for name in changes} == changes
    for wrong in ({"shared": 1}, {"player_identification": "by-hat"}, {"name": ""}, ["no object"]):
        assert client.call("PATCH", f"/groups/{group}", json=wrong).status_code == 400


def test_a_deleted_group_takes_those_below_it_and_leaves_replays(client: Client) -> None:
    season = created(client)
    week = created(client, "Week 1", parent=season)
    replay_id = client.uploaded(replay_bytes(), group=week)
    assert client.call("DELETE", f"/groups/{season}").status_code == 204
    assert client.call("GET", f"/groups/{week}").status_code == 404
    assert "groups" not in client.get(f"/replays/{replay_id}")


def test_a_name_is_taken_once_in_a_place(client: Client) -> None:
    season = created(client)
    assert client.call("POST", "/groups", json={"name": "Season"}).status_code == 400
    created(client, "Season", parent=season)


def test_only_who_made_a_group_changes_and_fills_it(server: RunningServer) -> None:
    owner, other, admin = (
        server.client("owner"),
        server.client("other"),
        server.client("admin", Role.ADMIN),
    )
    group = created(owner)
    for answer in (
        other.call("PATCH", f"/groups/{group}", json={"shared": True}),
        other.call("DELETE", f"/groups/{group}"),
        other.call("POST", "/groups", json={"name": "Mine", "parent": group}),
        other.upload(replay_bytes(), group=group),
        server.client("reader", Role.READ).call("POST", "/groups", json={"name": "Mine"}),
    ):
        assert answer.status_code == 403
    assert other.upload(replay_bytes(), group="nowhere-1").status_code == 404
    assert admin.call("PATCH", f"/groups/{group}", json={"shared": True}).status_code == 204


def test_a_replay_goes_into_a_group_and_out_of_it(client: Client) -> None:
    group = created(client)
    replay_id = client.uploaded(replay_bytes())
    path = f"/replays/{replay_id}"
    assert client.call("PATCH", path, json={"group": group}).status_code == 204
    assert [each["id"] for each in client.get("/replays/", group=group)["list"]] == [replay_id]
    assert client.call("PATCH", path, json={"group": ""}).status_code == 204
    assert client.get("/replays/", group=group)["list"] == []
