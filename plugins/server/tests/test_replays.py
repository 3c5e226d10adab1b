"""Lists of replays with every filter, their pages, changes, files and deletion."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from parsekit import JsonObject

from .running import Client, FakeParsing, RunningServer, body, player, replay_bytes

MOMENT = "2024-05-01T12:00:00+02:00"
#: What tells the second of two replays from the first.
SECOND: JsonObject = {
    "title": "Another GAME",
    "map_code": "park_night_p",
    "playlist_id": "private",
    "season": 4,
    "season_type": None,
    "date": "2025-01-01T00:00:00Z",
    "match_guid": "B" * 32,
    "recorder": "Fay",
    "min_rank": {"tier": 19},
    "max_rank": {"tier": 22},
    "blue": {"players": [{**player("Éva", 7), "pro": True}], "stats": {"core": {"goals": 1}}},
    "orange": {"players": [player("Fay", 8)], "stats": {"core": {"goals": 0}}},
}


@pytest.fixture
def two(client: Client, parsing: FakeParsing) -> tuple[str, str]:
    """The ids of a usual replay and of `SECOND`."""
    parsing.answer(replay_bytes(1), body())
    parsing.answer(replay_bytes(2), body(**SECOND))
    return client.uploaded(replay_bytes(1)), client.uploaded(replay_bytes(2))


#: A query, and which of the two it finds.
FOUND = (
    ("", "12"),
    ("title=fine", "1"),
    ("title=game", "2"),
    ("title=fine&title=another", "12"),
    ("title=%25", ""),
    ("player-name=ANN", "1"),
    ("player-name=éva", "2"),
    ("player-name=ann&player-name=FAY", "12"),
    ("player-name=an", ""),
    ("player-id=steam:7", "2"),
    ("player-id=steam:7&player-id=steam:1", "12"),
    ("player-id=steam:7&player-name=ann", ""),
    ("playlist=private", "2"),
    ("playlist=private&playlist=ranked-doubles", "12"),
    ("season=f13", "1"),
    ("season=4", "2"),
    ("season=f4", ""),
    ("match-result=win", "1"),
    ("match-result=loss", "2"),
    ("match-result=loss&player-name=ann", ""),
    ("match-result=win&player-name=éva", "2"),
    ("match-result=loss&player-id=steam:3", "1"),
    ("min-rank=grand-champion-1", "2"),
    ("min-rank=grand-champion", "2"),
    ("min-rank=platinum-1&max-rank=platinum-3", "1"),
    ("max-rank=bronze-1", ""),
    ("pro=true", "2"),
    ("pro=false", "12"),
    ("uploader=me", "12"),
    ("uploader=1", "12"),
    ("uploader=76561190000000000", ""),
    ("map=stadium_p", "1"),
    ("replay-date-after=2024-05-01T12:00:00%2B02:00", "2"),
    ("replay-date-before=2024-05-01T12:00:00+02:00", "1"),
    ("created-after=2024-05-01T12:00:00Z", "12"),
    ("created-before=2024-05-01", ""),
    ("group=", "12"),
    ("group=nowhere", ""),
    ("unknown=1", "12"),
)


def test_a_filter_leaves_what_it_names(client: Client, two: tuple[str, str]) -> None:
    for query, found in FOUND:
        page = client.get(f"/replays?sort-by=replay-date&sort-dir=asc&{query}")
        listed = [each["id"] for each in page["list"]]
        assert listed == [two[int(number) - 1] for number in found], query
        assert page["count"] == len(found), query


WITHOUT_SENSE = (
    "match-result=draw",
    "min-rank=wood-1",
    "max-rank=7",
    "created-before=yesterday",
    "replay-date-after=1",
    "count=many",
    "count=0",
    "sort-by=length",
    "sort-dir=up",
    "after=nothing",
    "after=WyJkYXRlIiwxLCJhIl0",
)


def test_a_value_without_sense_is_refused_by_name(client: Client) -> None:
    for query in WITHOUT_SENSE:
        answer = client.call("GET", f"/replays?{query}")
        assert answer.status_code == 400, query
        assert answer.json()["error"].startswith(query.partition("=")[0]), query


def test_an_item_has_the_shape_of_ballchasings(
    client: Client, two: tuple[str, str], shared: Path
) -> None:
    sample = json.loads((shared / "ballchasing/groups/search.json").read_text())["list"][0]
    item = client.get("/replays", title="fine")["list"][0]
    assert item.keys() == sample.keys()
    assert item["uploader"].keys() == sample["uploader"].keys()
    assert item["replay_title"] == "A fine match"
    assert item["date_has_tz"] is True
    assert item["blue"]["goals"] == 2
    assert "goals" not in item["orange"]
    shown = item["blue"]["players"][0]
    assert shown.keys() == {"start_time", "end_time", "name", "id", "score"}


def test_pages_follow_one_another_and_keep_what_was_asked(client: Client) -> None:
    wanted = [client.upload(replay_bytes(seed)).json()["id"] for seed in range(7)]
    for replay_id in wanted:
        client.wait(replay_id)
    asked = "playlist=ranked-doubles&playlist=private&count=3&sort-by=upload-date&sort-dir=asc"
    found, path = [], f"/replays/?{asked}"
    while path:
        page = client.get(path)
        assert page["count"] == 7
        found += [each["id"] for each in page["list"]]
        path = page.get("next", "")
        if path:
            query = parse_qs(urlsplit(path).query)
            assert query.pop("after")
            assert query == parse_qs(asked)
    assert found == wanted


def test_a_page_is_the_same_whatever_was_added_before_it(client: Client) -> None:
    first = [client.uploaded(replay_bytes(seed)) for seed in range(4)]
    page = client.get("/replays", count=2)
    client.uploaded(replay_bytes(9))
    following = client.get(page["next"])
    assert [each["id"] for each in following["list"]] == [first[1], first[0]]


def test_a_replay_is_changed_by_its_owner(client: Client) -> None:
    replay_id = client.uploaded(replay_bytes())
    path = f"/replays/{replay_id}"
    changes = {"title": "Final", "visibility": "private"}
    answer = client.call("PATCH", f"{path}/", json=changes)
    assert (answer.status_code, answer.content) == (204, b"")
    shown = client.get(path)
    assert {name: shown[name] for name in changes} == changes
    for wrong in ({"title": " "}, {"title": 7}, {"visibility": "secret"}, {"title": "x" * 501}):
        assert client.call("PATCH", path, json=wrong).status_code == 400
    assert client.call("PATCH", path, data=b"{").status_code == 400


def test_a_title_that_was_given_survives_the_parse(client: Client, parsing: FakeParsing) -> None:
    parsing.may_go.clear()
    replay_id = client.upload(replay_bytes()).json()["id"]
    client.call("PATCH", f"/replays/{replay_id}", json={"title": "Final"})
    parsing.may_go.set()
    assert client.wait(replay_id)["title"] == "Final"
    assert client.get("/replays", title="final")["list"][0]["replay_title"] == "Final"


@pytest.mark.parametrize("way", ["api", "site"])
def test_the_file_comes_back_byte_for_byte(client: Client, way: str) -> None:
    replay_id = client.uploaded(replay_bytes())
    if way == "api":
        answer = client.call("GET", f"/replays/{replay_id}/file")
    else:
        stranger = Client(root=client.root, token="")
        answer = stranger.call("POST", f"{client.root}/dl/replay/{replay_id}")
    assert answer.content == replay_bytes()
    assert f'filename="{replay_id}.replay"' in answer.headers["Content-Disposition"]


def test_what_is_deleted_is_gone(client: Client, server: RunningServer) -> None:
    replay_id = client.uploaded(replay_bytes())
    file = server.site.files.path(replay_id)
    assert file.is_file()
    assert client.call("DELETE", f"/replays/{replay_id}").status_code == 204
    assert not file.exists()
    assert len(server.parsing.deleted) == 1
    assert client.get("/replays")["list"] == []
    for path in (f"/replays/{replay_id}", f"/replays/{replay_id}/file"):
        assert client.call("GET", path).status_code == 404
    assert client.upload(replay_bytes()).status_code == 201


def test_maps_are_those_that_were_played_on(client: Client) -> None:
    replay_id = client.uploaded(replay_bytes())
    assert client.get("/maps") == {"stadium_p": "DFH Stadium"}
    client.call("DELETE", f"/replays/{replay_id}")
    assert client.get("/maps") == {}
