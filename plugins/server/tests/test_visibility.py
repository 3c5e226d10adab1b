"""Every route, asked by everybody about a replay of every visibility."""

from __future__ import annotations

import re
from itertools import product
from typing import Any

import pytest

from parsekit_server.access import Role, Visibility

from .browsing import Visitor, visitor
from .running import Client, RunningServer, replay_bytes

#: Who asks: the owner, somebody else who may upload or only read, an administrator.
CALLERS = ("owner", "uploader", "reader", "admin")
#: Whether they see it under its id, in lists of all, in the list of its group, in its sums.
SEEN = {
    "public": {"get": "oura", "list": "oura", "group list": "oura", "sums": "oura"},
    "unlisted": {"get": "oura", "list": "oa", "group list": "oa", "sums": "oura"},
    "private": {"get": "oa", "list": "oa", "group list": "oa", "sums": "oa"},
    "private in a shared group": {
        "get": "oura",
        "list": "oa",
        "group list": "oura",
        "sums": "oura",
    },
}


@pytest.fixture
def callers(server: RunningServer) -> dict[str, Client]:
    """Somebody of each kind."""
    roles = {"owner": Role.UPLOAD, "uploader": Role.UPLOAD, "reader": Role.READ}
    return {name: server.client(name, roles.get(name, Role.ADMIN)) for name in CALLERS}


def asked(client: Client, replay_id: str, group: str) -> dict[str, bool]:
    """On which ways this caller comes to see the replay."""

    def lists(path: str, **query: str) -> bool:
        page = client.get(path, **query)
        assert page["count"] == len(page["list"])
        return any(each["id"] == replay_id for each in page["list"])

    (item,) = client.get("/groups")["list"]
    sums = "players" in client.get(f"/groups/{group}")
    assert (item["direct_replays"] == 1) == sums
    return {
        "get": client.call("GET", f"/replays/{replay_id}").status_code == 200,
        "file": client.call("GET", f"/replays/{replay_id}/file").status_code == 200,
        "list": lists("/replays"),
        "by player": lists("/replays", **{"player-name": "ann"}),
        "by uploader": lists("/replays", uploader="1"),
        "group list": lists("/replays", group=group),
        "sums": sums,
    }


def uploaded_as(owner: Client, kind: str) -> tuple[str, str]:
    """A replay of this kind of visibility, and the group in which it is."""
    group = owner.call("POST", "/groups", json={"name": "League"}).json()["id"]
    if kind.endswith("shared group"):
        owner.call("PATCH", f"/groups/{group}", json={"shared": True})
    visibility = Visibility(kind.split(maxsplit=1)[0])
    return owner.uploaded(replay_bytes(), group=group, visibility=visibility), group


@pytest.mark.parametrize("kind", SEEN)
def test_a_replay_is_seen_on_the_ways_that_its_visibility_allows(
    callers: dict[str, Client], kind: str
) -> None:
    owner = callers["owner"]
    replay_id, group = uploaded_as(owner, kind)
    for name, client in callers.items():
        wanted: dict[str, Any] = {way: name[0] in who for way, who in SEEN[kind].items()}
        wanted |= {"file": wanted["get"], "by player": wanted["list"]}
        wanted |= {"by uploader": wanted["list"]}
        assert asked(client, replay_id, group) == wanted, name
        assert ("stadium_p" in client.get("/maps")) == wanted["list"], name
        if name in {"uploader", "reader"}:
            refused = 403 if wanted["get"] else 404
            for answer in (
                client.call("PATCH", f"/replays/{replay_id}", json={"title": "Mine"}),
                client.call("DELETE", f"/replays/{replay_id}"),
            ):
                assert answer.status_code == refused, name
    stranger = Client(root=owner.root, token="")
    page = stranger.call("POST", f"{owner.root}/dl/replay/{replay_id}")
    assert (page.status_code == 200) == ("u" in SEEN[kind]["get"])
    for path in ("/", "/replays", f"/replays/{replay_id}", f"/groups/{group}", "/groups", "/maps"):
        assert stranger.call("GET", path).status_code == 401


def test_a_replay_that_is_hidden_again_is_hidden(callers: dict[str, Client]) -> None:
    owner, other = callers["owner"], callers["uploader"]
    replay_id = owner.uploaded(replay_bytes())
    assert other.get(f"/replays/{replay_id}")
    owner.call("PATCH", f"/replays/{replay_id}", json={"visibility": "private"})
    assert other.call("GET", f"/replays/{replay_id}").status_code == 404


def test_a_group_that_is_shared_no_more_is_closed_with_all_below_it(
    callers: dict[str, Client],
) -> None:
    owner, other = callers["owner"], callers["uploader"]
    season = owner.call("POST", "/groups", json={"name": "Season"}).json()["id"]
    week = owner.call("POST", "/groups", json={"name": "Week", "parent": season}).json()["id"]
    replay_id = owner.uploaded(replay_bytes(), group=week, visibility="private")
    for shared, status in ((True, 200), (False, 404)):
        owner.call("PATCH", f"/groups/{season}", json={"shared": shared})
        assert other.call("GET", f"/replays/{replay_id}").status_code == status


def seen_on_pages(person: Visitor, replay_id: str, group: str) -> dict[str, bool]:
    """On which pages this visitor comes to see the replay."""

    def shows(path: str) -> bool:
        answer = person.load(path)
        assert answer.status_code in {200, 404}, answer.text
        return answer.status_code == 200 and f'href="/replay/{replay_id}"' in answer.text

    page = person.load(f"/group/{group}")
    assert page.status_code in {200, 404}
    shown = person.load(f"/replay/{replay_id}")
    files = re.findall(r'href="([^"]*)" download', shown.text)
    return {
        "get": shown.status_code == 200,
        "download": [person.load(path).status_code for path in files] == [200],
        "status": person.load(f"/replay/{replay_id}/status").status_code == 200,
        "file": person.load(f"/replay/{replay_id}/file").status_code == 200,
        "file for programs": person.load(f"/dl/replay/{replay_id}").status_code == 200,
        "list": shows("/"),
        "player": shows("/player/steam%3A1"),
        "group list": shows(f"/group/{group}"),
        "sums": "<caption>" in page.text,
    }


@pytest.mark.parametrize("kind", SEEN)
def test_a_replay_is_seen_on_the_pages_that_its_visibility_allows(
    callers: dict[str, Client], kind: str
) -> None:
    owner = callers["owner"]
    replay_id, group = uploaded_as(owner, kind)
    people = {name: visitor(client) for name, client in callers.items()}
    people["uploader's guest"] = Visitor(root=owner.root)  # sees what any uploader sees of others
    for name, person in people.items():
        wanted = {way: name[0] in who for way, who in SEEN[kind].items()}
        wanted |= dict.fromkeys(("status", "file", "download"), wanted["get"])
        wanted["player"] = wanted["list"]
        wanted["file for programs"] = "u" in SEEN[kind]["get"]  # a cookie is no token
        assert seen_on_pages(person, replay_id, group) == wanted, name
        shown = person.load(f"/group/{group}").status_code == 200
        assert shown == (name in CALLERS or wanted["sums"]), "names are for who has a token"


#: Pages that not everybody may open, and by whom.
ROLES = {
    "/upload": {"owner", "uploader", "admin"},
    "/tokens": {"admin"},
    "/operator": {"admin"},
}


def test_pages_for_a_role_are_closed_to_all_others(callers: dict[str, Client]) -> None:
    people = {name: visitor(client) for name, client in callers.items()}
    for (name, person), (path, allowed) in product(people.items(), ROLES.items()):
        assert person.load(path).status_code == (200 if name in allowed else 403), (name, path)
        assert (f'href="{path}"' in person.see()) == (name in allowed), (name, path)
    stranger = Visitor(root=callers["owner"].root)
    for path in ROLES:
        assert stranger.load(path).url.startswith(f"{stranger.root}/sign-in?to="), path
        assert f'href="{path}"' not in stranger.see()


def test_a_text_that_no_database_takes_is_refused_in_words(callers: dict[str, Client]) -> None:
    person = visitor(callers["owner"])
    for path in ("/?title=%00", "/replay/%00", "/player/%00", "/group/a?after=%00"):
        assert person.load(path).status_code == 400
    for path in ("/replays?title=%00", "/replays/%00", "/groups/%00"):
        assert callers["owner"].call("GET", path).status_code == 400
