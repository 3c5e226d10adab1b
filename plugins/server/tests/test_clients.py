"""Public clients: one of them unchanged, and the requests that others send, in their order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ballchasing
import pytest
import requests

from devkit.command_line import CommandLine
from parsekit_server.access import Role
from parsekit_server.tokens import digest, new_token

from .filling import fill
from .running import Client, FakeParsing, RunningServer, body, replay_bytes


@pytest.fixture
def api(client: Client) -> ballchasing.BallchasingApi:
    """python-ballchasing, with another base address and nothing else."""
    return ballchasing.BallchasingApi(client.token, base_url=client.api)


def test_python_ballchasing_does_all_that_it_can(
    api: ballchasing.BallchasingApi, client: Client, tmp_path: Path
) -> None:
    assert (api.steam_name, api.steam_id) == ("me", "1")
    (tmp_path / "one.replay").write_bytes(replay_bytes())
    season = api.create_group(
        name="Season",
        player_identification="by-id",
        team_identification="by-player-clusters",
    )["id"]
    week = api.create_group(
        name="Week",
        player_identification="by-id",
        team_identification="by-distinct-players",
        parent=season,
    )["id"]
    first = api.upload_replay(tmp_path / "one.replay", visibility="unlisted", group=week)["id"]
    client.wait(first)
    assert api.upload_replay(tmp_path / "one.replay")["id"] == first
    with pytest.raises(requests.HTTPError, match="409"):
        api.upload_replay(tmp_path / "one.replay", raise_on_duplicate=True)
    assert api.get_replay(first)["visibility"] == "unlisted"
    api.patch_replay(first, title="Final", visibility="public")
    (deep,) = api.get_replays(title="final", group_id=week, deep=True)
    assert deep["title"] == "Final"
    (found,) = api.get_group_replays(season)
    assert found["id"] == first
    api.patch_group(season, shared=True)
    assert api.get_group(season)["players"][0]["cumulative"]["games"] == 1
    assert [group["id"] for group in api.get_groups(name="week")] == [week]
    saved = api.download_replay(first, tmp_path / "saved.replay")
    assert saved.read_bytes() == replay_bytes()
    assert api.get_maps() == {"stadium_p": "DFH Stadium"}
    api.delete_replay(first)
    api.delete_group(season)
    assert list(api.get_replays()) == list(api.get_groups()) == []


def test_python_ballchasing_pages_through_three_hundred_replays(
    api: ballchasing.BallchasingApi, server: RunningServer
) -> None:
    wanted = fill(server.parsing.session, 300)
    found = [each["id"] for each in api.get_replays(count=1000, sort_dir="asc")]
    assert found == wanted


def test_rockpload_uploads_and_gives_a_title(client: Client) -> None:
    assert client.call("GET", "/").status_code == 200
    sent = {"file": ("Ranked Win.replay", replay_bytes())}
    answer = client.call("POST", "/v2/upload?vibilitity=private", files=sent)
    assert answer.status_code == 201
    path = f"/replays/{answer.json()['id']}"
    assert client.call("PATCH", path, json={"title": "Ranked Win"}).ok
    shown = client.wait(answer.json()["id"])
    assert (shown["title"], shown["visibility"]) == ("Ranked Win", "private")
    assert client.call("POST", "/v2/upload", files=sent).status_code == 409


def ranks(match_guid: str) -> dict[str, Any]:
    """What a program beside the game reports of two players."""
    skills = {"division": 3, "matches_played": 9, "mmr": 1200.5}
    return {
        "game": match_guid,
        "players": [
            {
                "platform_id": 1,
                "id": str(number),
                "before": {"tier": tier, **skills},
                "after": {"tier": 22, **skills},
                "debug": "a name",
            }
            for number, tier in ((1, 17), (3, 0))
        ],
    }


@pytest.mark.parametrize("first", ["upload", "ranks"])
def test_rlru_uploads_and_reports_ranks(
    client: Client, parsing: FakeParsing, server: RunningServer, first: str
) -> None:
    unranked = {name: value for name, value in body().items() if not name.endswith("_rank")}
    content = replay_bytes()
    parsing.answer(content, unranked)
    guid = _match_guid(content)
    if first == "ranks":
        assert client.call("POST", "/v1/mmr", json=ranks(guid.lower())).ok
    replay_id = client.uploaded(content)
    stranger = server.client("other")
    assert stranger.call("POST", "/v1/mmr", json=ranks(guid)).ok
    if first == "upload":
        assert "rank" not in client.get(f"/replays/{replay_id}")["blue"]["players"][0]
        assert client.call("POST", "/v1/mmr", json=ranks(guid)).ok
    shown = client.get(f"/replays/{replay_id}")
    rank = {"tier": 17, "division": 4, "name": "Champion II Division 4", "id": "champion-2"}
    legend = {"tier": 22, "division": 4, "name": "Supersonic Legend", "id": "supersonic-legend"}
    assert shown["blue"]["players"][0]["rank"] == rank
    assert "rank" not in shown["blue"]["players"][1]
    assert (shown["min_rank"], shown["max_rank"]) == (rank, legend)
    (item,) = client.get("/replays", **{"min-rank": "champion-2"})["list"]
    assert item["blue"]["players"][0]["rank"] == rank


def _match_guid(content: bytes) -> str:
    """The id in the header of a synthetic replay."""
    at = content.index(b"MatchGUID\0\x0c\0\0\0StrProperty\0") + 38
    return content[at:].partition(b"\0")[0].decode()


@pytest.mark.parametrize("wrong", [{}, {"game": "x", "players": []}, {"game": "A" * 32}])
def test_ranks_of_no_match_are_refused(client: Client, wrong: dict[str, Any]) -> None:
    assert client.call("POST", "/v1/mmr", json=wrong).status_code == 400


def test_a_spreadsheet_reads_a_group_and_its_replays(client: Client) -> None:
    created = client.call("POST", "/groups", json={"name": "League"}).json()
    client.uploaded(replay_bytes(), group=created["id"])
    shown = client.get(created["link"])
    for player in shown["players"]:
        assert player["cumulative"]["core"]["goals"] >= 0
        assert player["game_average"]["core"]["score"] == 100
    (item,) = client.get("/replays/", group=created["id"])["list"]
    assert client.get(item["link"])["blue"]["players"][0]["stats"]["core"]["shots"] == 3


def test_the_token_of_a_group_only_uploads_into_it(server: RunningServer, client: Client) -> None:
    group = client.call("POST", "/groups", json={"name": "League"}).json()["id"]
    token = new_token(of_group=True)
    server.site.accounts.add_token("league", Role.GROUP, digest(token), group_id=group)
    uploader = Client(root=server.root, token=token)
    assert token.startswith("g/")
    assert uploader.call("GET", "").status_code == 200
    replay_id = uploader.upload(replay_bytes(), group="elsewhere").json()["id"]
    assert client.wait(replay_id)["groups"][0]["id"] == group
    for method, path in (
        ("GET", "/replays"),
        ("GET", f"/replays/{replay_id}"),
        ("GET", f"/replays/{replay_id}/file"),
        ("PATCH", f"/replays/{replay_id}"),
        ("DELETE", f"/replays/{replay_id}"),
        ("GET", "/groups"),
        ("POST", "/groups"),
        ("GET", f"/groups/{group}"),
        ("PATCH", f"/groups/{group}"),
        ("DELETE", f"/groups/{group}"),
        ("GET", "/maps"),
        ("POST", "/v1/mmr"),
    ):
        assert uploader.call(method, path, json={"name": "x"}).status_code == 403, (method, path)
    client.call("DELETE", f"/groups/{group}")
    assert uploader.upload(replay_bytes(2)).status_code == 401


def test_the_token_of_a_group_that_is_not_there_is_not_made(command_line: CommandLine) -> None:
    done = command_line.run("serve", "token", "add", "league", "--group", "nowhere")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"there is no group 'nowhere'" in done.stderr
