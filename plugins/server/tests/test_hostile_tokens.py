"""What tokens are not good for, and strangers who ask much."""

from __future__ import annotations

import threading

import requests

from parsekit import Failure
from parsekit_server.access import Role, Viewer
from parsekit_server.pages.sessions import BrowserSessions
from parsekit_server.tokens import digest, new_token

from .running import PATIENCE_S, Client, FakeParsing, RunningServer, poll, replay_bytes


def test_the_token_of_a_group_tells_nothing_of_its_accounts_other_replays(
    server: RunningServer, client: Client
) -> None:
    group = client.call("POST", "/groups", json={"name": "League"}).json()["id"]
    kept = client.upload(replay_bytes(), visibility="private").json()["id"]
    token = new_token(of_group=True)
    server.site.accounts.add_token("me", Role.GROUP, digest(token), group_id=group)
    league = Client(root=server.root, token=token)
    first = league.upload(replay_bytes(), visibility="private")
    assert (first.status_code, first.json()["id"] == kept) == (201, False)
    again = league.upload(replay_bytes())
    assert (again.status_code, again.json()["id"]) == (409, first.json()["id"])


def test_a_group_names_no_unlisted_replay_that_failed(
    server: RunningServer, client: Client, parsing: FakeParsing
) -> None:
    group = client.call("POST", "/groups", json={"name": "League"}).json()["id"]
    parsing.answer(replay_bytes(), Failure(code="corrupt_replay", message="it is torn"))
    unlisted = client.uploaded(replay_bytes(), group=group, visibility="unlisted")
    assert client.get(f"/groups/{group}")["failed_replays"] == [unlisted]
    assert "failed_replays" not in server.client("other").get(f"/groups/{group}")
    client.call("PATCH", f"/groups/{group}", json={"shared": True})
    assert server.client("other").get(f"/groups/{group}")["failed_replays"] == [unlisted]


def test_a_replay_that_is_deleted_while_it_is_parsed_leaves_no_result(
    server: RunningServer, client: Client, parsing: FakeParsing
) -> None:
    parsing.may_go.clear()
    replay_id = client.upload(replay_bytes()).json()["id"]
    poll(lambda: server.site.queue.running, lambda running: running == 1)
    # the file stays, as the parse has it open already
    server.site.replays.delete(replay_id, Viewer(account_id=0, role=Role.ADMIN))
    parsing.may_go.set()
    poll(lambda: parsing.deleted, bool)


def test_readers_who_wait_for_a_match_hold_up_no_other_page(
    server: RunningServer, client: Client, parsing: FakeParsing
) -> None:
    replay_id = client.uploaded(replay_bytes())
    parsing.may_go.clear()
    statuses: list[int] = []

    def look() -> None:
        page = requests.get(f"{server.root}/replay/{replay_id}", timeout=2 * PATIENCE_S)
        statuses.append(page.status_code)

    readers = [threading.Thread(target=look) for _ in range(24)]
    for reader in readers:
        reader.start()
    try:
        poll(lambda: statuses, lambda some: some == [503] * 16)
        assert requests.get(server.root, timeout=PATIENCE_S).status_code == 200
    finally:
        parsing.may_go.set()
        for reader in readers:
            reader.join()
    assert sorted(statuses) == [200] * 8 + [503] * 16


def test_a_token_that_signs_in_for_ever_signs_nobody_else_out() -> None:
    sessions = BrowserSessions()
    other = sessions.begin("hers")
    for _ in range(10_001):
        last = sessions.begin("his")
    assert sessions.find(other)
    assert sessions.find(last)


def test_no_cache_keeps_what_may_be_hidden_tomorrow(client: Client) -> None:
    replay_id = client.uploaded(replay_bytes())
    for path in (f"/replays/{replay_id}", f"{client.root}/dl/replay/{replay_id}"):
        headers = client.call("GET", path).headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"
