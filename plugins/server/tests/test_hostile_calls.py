"""Calls that somebody wrote to break the server: each is answered as a mistake of the caller."""

from __future__ import annotations

import base64
import json

import pytest
import requests

from .running import PATIENCE_S, Client, RunningServer, replay_bytes


def cursor(*parts: object) -> str:
    """A forged cursor."""
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/replays", {"after": cursor("created", 2**70, "x")}),
        ("/replays", {"after": cursor("created", 1, "\ud800")}),
        ("/replays", {"after": cursor("created", 1, "\0")}),
        ("/groups", {"after": cursor("name", "\ud800", "x"), "sort-by": "name"}),
        ("/replays", {"after": base64.urlsafe_b64encode(b"[" * 9000).decode()}),
        ("/replays", {"title": ["a"] * 1001}),
        ("/replays", {"title": "a" * 60_000}),
        ("/groups", {"name": "a" * 60_000}),
    ],
)
def test_a_forged_or_endless_address_is_refused(
    client: Client, path: str, query: dict[str, str]
) -> None:
    answer = client.call("GET", path, params=query)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


def test_a_count_of_thousands_of_digits_is_the_largest(client: Client) -> None:
    assert client.get("/replays", count="9" * 5000)["count"] == 0


@pytest.mark.parametrize("field", ["title", "group"])
def test_half_of_a_character_is_refused(client: Client, field: str) -> None:
    replay_id = client.uploaded(replay_bytes())
    answer = client.call("PATCH", f"/replays/{replay_id}", data=json.dumps({field: "\ud800"}))
    assert answer.status_code == 400
    assert client.call("POST", "/groups", data='{"name": "\\ud800"}').status_code == 400


def test_a_page_of_an_id_with_nul_is_refused(server: RunningServer) -> None:
    stranger = Client(root=server.root, token="")
    assert stranger.call("GET", f"{server.root}/replay/%00").status_code == 400


@pytest.mark.parametrize(
    ("boundary", "content"),
    [("b", b"--b\r\nA: b\r\n\r\n\r\n" * 20_000), ("b" * 300, b"")],
)
def test_a_body_that_is_mostly_no_file_is_refused(
    client: Client, boundary: str, content: bytes
) -> None:
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    headers["Authorization"] = client.token
    answer = requests.post(f"{client.api}/v2/upload", content, headers=headers, timeout=PATIENCE_S)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
