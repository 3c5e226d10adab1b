"""Uploads: accepted once, for good, and refused in words."""

from __future__ import annotations

import pytest

from parsekit import Failure
from parsekit.testing import believable_match, synthetic_replay
from parsekit_server.access import Role

from .running import (
    Client,
    FakeParsing,
    RunningServer,
    body,
    player,
    poll,
    replay_bytes,
    running_server,
)


def test_an_upload_is_accepted_and_its_body_is_the_parsers(
    client: Client, parsing: FakeParsing
) -> None:
    answer = client.upload(replay_bytes(), "final.replay", visibility="unlisted")
    assert answer.status_code == 201
    replay_id = answer.json()["id"]
    assert answer.json()["location"] == f"{client.root}/replay/{replay_id}"
    shown = client.wait(replay_id)
    assert shown["status"] == "ok"
    assert shown["link"] == f"{client.api}/replays/{replay_id}"
    assert (shown["visibility"], shown["uploader"]["name"]) == ("unlisted", "me")
    assert shown["blue"]["players"][0]["stats"]["core"]["shots"] == 3
    assert shown["title"] == "A fine match"


def test_a_pending_replay_answers_without_numbers(client: Client, parsing: FakeParsing) -> None:
    parsing.may_go.clear()
    replay_id = client.upload(replay_bytes(), "final.replay").json()["id"]
    shown = client.get(f"/replays/{replay_id}")
    assert (shown["status"], shown["title"]) == ("pending", "final")
    assert "blue" not in shown
    assert client.get("/replays")["list"][0]["blue"] == {}


def test_a_failed_parse_is_a_status_with_its_cause(client: Client, parsing: FakeParsing) -> None:
    parsing.answer(replay_bytes(), Failure(code="parser_failed", message="can't be read"))
    shown = client.wait(client.upload(replay_bytes()).json()["id"])
    assert shown["status"] == "failed"
    assert shown["failure"] == {"code": "parser_failed", "message": "can't be read"}


def test_the_same_bytes_are_answered_with_the_first_id(client: Client) -> None:
    first = client.upload(replay_bytes()).json()
    again = client.upload(replay_bytes(), "another name.replay")
    assert again.status_code == 409
    assert again.json() == {"error": "duplicate replay", **first}


def test_another_recording_of_a_match_is_answered_with_the_first_id(client: Client) -> None:
    match = believable_match(seed=5)
    first = client.upload(synthetic_replay(match, frames=0)).json()
    again = client.upload(synthetic_replay(match, frames=10))
    assert (again.status_code, again.json()["id"]) == (409, first["id"])


def test_a_recording_of_a_match_whose_first_one_failed_is_accepted(
    client: Client, parsing: FakeParsing
) -> None:
    match = believable_match(seed=5)
    damaged = synthetic_replay(match, frames=0)
    parsing.answer(damaged, Failure(code="parser_failed", message="can't be read"))
    client.uploaded(damaged)
    assert client.upload(synthetic_replay(match, frames=10)).status_code == 201


def test_nobody_learns_of_a_private_replay_by_uploading_it(server: RunningServer) -> None:
    hers, his = server.client("she"), server.client("he")
    kept = hers.upload(replay_bytes(), visibility="private").json()["id"]
    own = his.upload(replay_bytes())
    assert (own.status_code, own.json()["id"] == kept) == (201, False)


@pytest.mark.parametrize("name", ["visibility", "vibilitity"])
def test_the_visibility_is_read_as_clients_spell_it(client: Client, name: str) -> None:
    replay_id = client.upload(replay_bytes(), **{name: "private"}).json()["id"]
    assert client.get(f"/replays/{replay_id}")["visibility"] == "private"


@pytest.mark.parametrize("content", [b"", b"no replay", replay_bytes()[:-1]])
def test_what_is_no_whole_replay_is_refused(
    client: Client, server: RunningServer, content: bytes
) -> None:
    answer = client.upload(content)
    assert answer.status_code == 400
    assert answer.json()["error"] == '"file" not a .replay file'
    assert files_of(server) == []


def files_of(server: RunningServer) -> list[str]:
    """Names of the files that the server keeps."""
    folder = server.parsing.session.data_dir / "server" / "replays"
    return [path.name for path in folder.rglob("*") if path.is_file()]


def test_a_body_without_a_file_is_refused(client: Client) -> None:
    assert client.call("POST", "/v2/upload", data=b"PK").status_code == 400
    assert client.call("POST", "/v2/upload", files={"other": b"x"}).status_code == 400


def test_a_file_larger_than_any_replay_is_refused(client: Client, server: RunningServer) -> None:
    most = server.site.max_bytes
    answer = client.upload(bytes(most + 1))
    assert answer.status_code == 413
    assert files_of(server) == []


def test_a_token_is_needed_and_must_be_one(server: RunningServer) -> None:
    for token, error in (("", "missing API key"), ("Bearer x", "invalid API key")):
        stranger = Client(root=server.root, token=token)
        for answer in (stranger.upload(replay_bytes()), stranger.call("GET", "/")):
            assert (answer.status_code, answer.json()["error"]) == (401, error)


def test_a_token_that_only_reads_uploads_nothing(server: RunningServer) -> None:
    assert server.client("reader", Role.READ).upload(replay_bytes()).status_code == 403


def test_what_was_accepted_is_parsed_by_the_next_server(parsing: FakeParsing) -> None:
    parsing.may_go.clear()
    with running_server(parsing) as first:
        client = first.client()
        replay_id = client.upload(replay_bytes()).json()["id"]
    assert parsing.parsed == []
    parsing.may_go.set()
    with running_server(parsing) as second:
        client = Client(root=second.root, token=client.token)
        assert client.wait(replay_id)["status"] == "ok"


def test_a_failure_that_may_pass_is_tried_again(client: Client, parsing: FakeParsing) -> None:
    away = Failure(code="storage_unavailable", message="away", retryable=True, retry_after_s=0.1)
    parsing.answer(replay_bytes(), away)
    replay_id = client.upload(replay_bytes()).json()["id"]
    poll(lambda: len(parsing.parsed), lambda tries: tries > 1)
    assert client.get(f"/replays/{replay_id}")["status"] == "pending"
    parsing.answers.clear()
    assert client.wait(replay_id)["status"] == "ok"


def test_hostile_names_hurt_nobody(client: Client, parsing: FakeParsing) -> None:
    names = ("a\0b", "half \ud83d", "\u202e<b>", "".join(map(chr, range(20_000, 30_000))))
    made = body(title=names[0], map_name=names[1], recorder=names[2])
    made["blue"]["players"] = [player(name, place) for place, name in enumerate(names)]
    made["blue"]["players"][0]["id"]["id"] = "1\0"
    parsing.answer(replay_bytes(), made)
    replay_id = client.uploaded(replay_bytes())
    assert client.get(f"/replays/{replay_id}")["status"] == "ok"
    (line,) = client.get("/replays", **{"player-name": names[3][:500]})["list"]
    assert line["replay_title"] == "a\ufffdb"
    assert client.get("/replays", **{"player-name": "half ?"})["count"] == 1
