"""Uploads from a browser: with a form as it is, and as the page's script sends it."""

from __future__ import annotations

import re

import pytest
import requests

from parsekit import Failure
from parsekit_server.access import Role

from .browsing import Visitor, titles, visitor
from .running import Client, FakeParsing, RunningServer, replay_bytes
from .test_uploads import files_of


def form_of(person: Visitor, *contents: bytes, **fields: str) -> requests.Response:
    """Send the form of the page with these files."""
    fields = {"form_token": person.form_token("/upload"), **fields}
    return send(person, fields, *contents)


def send(
    person: Visitor, fields: dict[str, str], *contents: bytes, **options: str
) -> requests.Response:
    """Send fields and files."""
    files = [("file", (f"{n}.replay", each)) for n, each in enumerate(contents, start=1)]
    empty = [("file", ("", b""))]
    return person.session.post(
        f"{person.root}/upload", data=fields, files=files or empty, headers=options, timeout=60
    )


def test_a_form_uploads_several_files_and_answers_for_each(client: Client) -> None:
    person = visitor(client)
    first = client.upload(replay_bytes(1)).json()["id"]
    page = form_of(person, replay_bytes(1), b"no replay", replay_bytes(2)).text
    lines = re.findall(r"<li>(.*?)</li>", page, re.DOTALL)
    assert len(lines) == 3
    assert f'is there already: <a href="/replay/{first}">' in lines[0]
    assert "refused: " in lines[1]
    (accepted,) = re.findall(r'accepted: <a href="/replay/([^"]*)">', lines[2])
    assert client.wait(accepted)["status"] == "ok"


def test_a_script_is_answered_with_json_and_asks_until_the_parse_ends(
    client: Client, parsing: FakeParsing
) -> None:
    person = visitor(client)
    parsing.answer(replay_bytes(2), Failure(code="parser_failed", message="can't be read"))
    fields = {"form_token": person.form_token("/upload")}
    for content, status in ((replay_bytes(1), "ok"), (replay_bytes(2), "failed")):
        parsing.may_go.clear()
        (file,) = send(person, fields, content, Accept="application/json").json()["files"]
        assert (file["name"], file["verdict"]) == ("1.replay", "accepted")
        path = f"/replay/{file['id']}/status"
        assert person.load(path).json()["status"] == "pending"
        parsing.may_go.set()
        client.wait(file["id"])
        known = person.load(path).json()
        assert known["status"] == status
        assert known["reason"] == ("can't be read" if status == "failed" else "")


def test_fields_of_the_form_are_those_of_the_api(client: Client) -> None:
    person = visitor(client)
    group = client.call("POST", "/groups", json={"name": "League"}).json()["id"]
    assert f'<option value="{group}">League</option>' in person.see("/upload")
    assert f'<option value="{group}" selected>' in person.see("/upload", group=group)
    page = form_of(person, replay_bytes(), visibility="private", group=group).text
    (replay_id,) = re.findall(r'href="/replay/([^"]*)"', page)
    shown = client.wait(replay_id)
    assert (shown["visibility"], shown["groups"][0]["id"]) == ("private", group)


def test_a_group_of_somebody_else_is_refused_in_words(server: RunningServer) -> None:
    group = server.client("she").call("POST", "/groups", json={"name": "Hers"}).json()["id"]
    page = form_of(visitor(server.client("he")), replay_bytes(), group=group)
    assert "refused: replays go into a group by who made it" in page.text
    assert files_of(server) == []


def test_a_file_that_is_too_large_does_not_stop_the_next(
    client: Client, server: RunningServer
) -> None:
    page = form_of(visitor(client), bytes(server.site.max_bytes + 1), replay_bytes()).text
    assert "refused: the file is larger" in page
    assert "accepted: " in page
    assert len(files_of(server)) == 1


def test_a_form_without_a_file_says_so(client: Client) -> None:
    answer = form_of(visitor(client))
    assert answer.status_code == 400
    assert "no file was chosen" in answer.text


@pytest.mark.parametrize("token", [{}, {"form_token": ""}, {"form_token": "guessed"}])
def test_a_form_of_another_site_uploads_nothing(
    client: Client, server: RunningServer, token: dict[str, str]
) -> None:
    assert send(visitor(client), token, replay_bytes()).status_code == 403
    assert files_of(server) == []


def test_a_stranger_is_asked_to_sign_in_and_comes_back(client: Client) -> None:
    person = Visitor(root=client.root)
    asked = person.load("/upload")
    assert asked.url == f"{client.root}/sign-in?to=%2Fupload"
    assert 'name="to" value="/upload"' in asked.text
    assert send(person, {}, replay_bytes(), Accept="application/json").status_code == 401
    assert person.sign_in(client.token, to="/upload").headers["Location"] == "/upload"


def test_who_may_only_read_is_shown_no_form(server: RunningServer) -> None:
    person = visitor(server.client("reader", Role.READ))
    answer = person.load("/upload")
    assert answer.status_code == 403
    assert "may only read" in answer.text
    assert 'href="/upload"' not in person.see()
    token = {"form_token": person.form_token("/")}
    assert send(person, token, replay_bytes()).status_code == 403
    assert titles(person.see()) == []
