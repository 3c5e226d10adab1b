"""Pages: what a browser is shown, and what it is not."""

from __future__ import annotations

import html
import re
from itertools import product

import pytest
import requests

from parsekit import Failure
from parsekit.testing import believable_match, synthetic_replay
from parsekit_server.access import Role
from parsekit_server.asgi.guesses import Guesses
from parsekit_server.errors import Busy
from parsekit_server.tokens import digest, new_token

from .browsing import Visitor, titles, visitor
from .running import Client, FakeParsing, RunningServer, body, player, replay_bytes

HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "</title></script><script>alert(1)</script>",
    "\u202eevil\u202c\u2067rtl",
    "W" * 64,
    "\"'><svg onload=alert(1)>",
    "{{ 7 * 7 }}",
)


def named(title: str, *names: str) -> dict[str, object]:
    """A body with this title and these names."""
    players = [player(name, number) for number, name in enumerate(names, start=1)]
    made = body(title=title)
    half = (len(players) + 1) // 2
    for color, some in (("blue", players[:half]), ("orange", players[half:])):
        made[color] = {**made[color], "players": some}
    return made


def test_the_list_and_the_page_show_a_replay(client: Client, server: RunningServer) -> None:
    replay_id = client.uploaded(replay_bytes())
    stranger = Visitor(root=server.root)
    listed = stranger.see()
    assert titles(listed) == ["A fine match"]
    assert f'href="/replay/{replay_id}"' in listed
    shown = stranger.see(f"/replay/{replay_id}")
    for name in ("Ann", "Ben", "Cy", "Dee", "A fine match", "Ranked Doubles"):
        assert name in shown
    assert 'id="tables"' in shown, "the report's parts"


def test_the_location_of_an_upload_is_its_page(client: Client, server: RunningServer) -> None:
    location = client.upload(replay_bytes()).json()["location"]
    assert requests.get(location, timeout=60).status_code == 200


@pytest.mark.parametrize("hostile", HOSTILE)
def test_names_and_titles_stay_text(client: Client, parsing: FakeParsing, hostile: str) -> None:
    parsing.answer(replay_bytes(), named(hostile, hostile, "Ben", hostile))
    replay_id = client.uploaded(replay_bytes())
    stranger = Visitor(root=client.root)
    for page in (stranger.see(), stranger.see(f"/replay/{replay_id}")):
        assert (
            html.escape(hostile, quote=True).replace("&#x27;", "&#39;").replace("&quot;", "&#34;")
            in page
            or html.escape(hostile, quote=False) in page
        )
        assert "<img" not in page
        assert "<script>alert" not in page
        assert "<svg onload" not in page
        assert "49" not in re.findall(r"<title>(.*?)</title>", page)[0]


def test_a_shared_link_has_a_title_and_a_description(client: Client, parsing: FakeParsing) -> None:
    parsing.answer(replay_bytes(), named('The "final"', "Ann", "Ben"))
    replay_id = client.uploaded(replay_bytes())
    page = Visitor(root=client.root).see(f"/replay/{replay_id}")
    about = dict(re.findall(r'<meta property="og:(\w+)" content="([^"]*)">', page))
    assert html.unescape(about["title"]) == 'The "final"'
    assert about["description"].startswith("2–0 · Ann vs Ben · Ranked Doubles")
    assert about["url"] == f"{client.root}/replay/{replay_id}"


def test_filters_are_those_of_the_api(client: Client, parsing: FakeParsing) -> None:
    for seed, name in enumerate(("Ann", "Zoe"), start=1):
        parsing.answer(replay_bytes(seed), named(f"of {name}", name, "Ben"))
        client.uploaded(replay_bytes(seed))
    stranger = Visitor(root=client.root)
    found = stranger.see("/", **{"player-name": "zoe", "playlist": "ranked-doubles"})
    assert titles(found) == ["of Zoe"]
    assert 'name="player-name" value="zoe"' in found
    assert titles(stranger.see("/", title="nothing like it")) == []
    wrong = stranger.load("/", **{"min-rank": "tin-9"})
    assert wrong.status_code == 400
    assert "min-rank" in wrong.text


def test_pages_of_the_list_go_on_where_the_last_one_ended(
    client: Client, parsing: FakeParsing
) -> None:
    wanted = [f"number {seed}" for seed in range(1, 6)]
    for seed, title in enumerate(wanted, start=1):
        parsing.answer(replay_bytes(seed), named(title, "Ann", "Ben"))
        client.uploaded(replay_bytes(seed))
    stranger, path, seen = Visitor(root=client.root), "/?count=2&player-name=Ann", []
    while True:
        page = stranger.see(path)
        seen += titles(page)
        following = re.findall(r'<a href="([^"]*)" rel="next">', page)
        if not following:
            break
        path = html.unescape(following[0])
        assert "player-name=Ann" in path
    assert seen == wanted[::-1]


def test_pages_show_nobody_more_than_the_api(server: RunningServer) -> None:
    hers = server.client("she")
    ids = {
        visibility: hers.uploaded(replay_bytes(seed), visibility=visibility)
        for seed, visibility in enumerate(("public", "unlisted", "private"), start=1)
    }
    people = {
        "stranger": Visitor(root=server.root),
        "owner": visitor(hers),
        "reader": visitor(server.client("he", Role.READ)),
        "uploader": visitor(server.client("it")),
        "admin": visitor(server.client("boss", Role.ADMIN)),
    }
    for (who, person), (visibility, replay_id) in product(people.items(), ids.items()):
        mine = who in {"owner", "admin"}
        listed = f'href="/replay/{replay_id}"' in person.see()
        assert listed == (mine or visibility == "public"), (who, visibility)
        status = person.load(f"/replay/{replay_id}").status_code
        assert status == (200 if mine or visibility != "private" else 404), (who, visibility)


def test_a_replay_is_read_again_for_its_page_once(client: Client, parsing: FakeParsing) -> None:
    replay_id = client.uploaded(replay_bytes())
    for _ in range(3):
        Visitor(root=client.root).see(f"/replay/{replay_id}")
    assert len(parsing.looked_at) == 1


def test_a_page_sends_nothing_to_a_remote_parser(client: Client, parsing: FakeParsing) -> None:
    parsing.remote = True
    replay_id = client.uploaded(replay_bytes())
    assert "Ann" in Visitor(root=client.root).see(f"/replay/{replay_id}")
    assert parsing.looked_at == []


def test_a_page_says_that_the_parse_goes_on_or_failed(client: Client, parsing: FakeParsing) -> None:
    parsing.answer(replay_bytes(2), Failure(code="parser_failed", message="<b>broken</b>"))
    failed = client.uploaded(replay_bytes(2))
    parsing.may_go.clear()
    pending = client.upload(replay_bytes(1)).json()["id"]
    stranger = Visitor(root=client.root)
    assert "being parsed" in stranger.see(f"/replay/{pending}")
    assert "&lt;b&gt;broken&lt;/b&gt;" in stranger.see(f"/replay/{failed}")
    parsing.may_go.set()


def test_a_deleted_replay_has_no_page(client: Client) -> None:
    replay_id = client.uploaded(replay_bytes())
    stranger = Visitor(root=client.root)
    stranger.see(f"/replay/{replay_id}")
    assert client.call("DELETE", f"/replays/{replay_id}").status_code == 204
    assert stranger.load(f"/replay/{replay_id}").status_code == 404


def test_signing_in_and_out(server: RunningServer) -> None:
    client = server.client("ann")
    person = Visitor(root=server.root)
    answer = person.sign_in(client.token, to="/replay/a-b")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/replay/a-b")
    cookie = next(each for each in answer.raw.headers.getlist("Set-Cookie") if "session=" in each)
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert client.token not in cookie
    assert "<bdi>ann</bdi>" in person.see()
    kept = person.session.cookies["session"]
    assert person.send("/sign-out", form_token=person.form_token()).status_code == 303
    person.session.cookies.set("session", kept)
    assert "Sign in" in person.see(), "the session is over, and not only its cookie"


@pytest.mark.parametrize(
    "place", ["//evil.example", "https://evil.example", "/\\evil.example", "/replay/../x", ""]
)
def test_signing_in_leads_to_this_site_alone(client: Client, place: str) -> None:
    answer = Visitor(root=client.root).sign_in(client.token, to=place)
    assert answer.headers["Location"] == "/"


def test_a_session_ends_with_its_token(server: RunningServer) -> None:
    person = visitor(server.client("ann"))
    server.site.accounts.revoke("ann")
    assert "Sign in" in person.see()


def test_a_form_of_another_site_does_nothing(client: Client) -> None:
    person = visitor(client)
    for token in ({}, {"form_token": ""}, {"form_token": "guessed"}):
        assert person.send("/sign-out", **token).status_code == 403
        stranger = Visitor(root=client.root)
        assert stranger.send("/sign-in", token=client.token, **token).status_code == 403
        assert "session" not in stranger.session.cookies
    assert "Sign out" in person.see()


def test_wrong_tokens_sign_nobody_in(server: RunningServer) -> None:
    group_token = new_token(of_group=True)
    server.site.accounts.add_token("g", Role.GROUP, digest(group_token))
    for token in ("", "wrong", group_token):
        person = Visitor(root=server.root)
        answer = person.sign_in(token)
        assert answer.status_code == 403
        assert "session" not in person.session.cookies


def test_one_address_tries_few_tokens_at_once() -> None:
    guesses = Guesses()
    tries = [guesses.trying("192.0.2.1") for _ in range(4)]
    for each in tries:
        each.__enter__()
    with pytest.raises(Busy), guesses.trying("192.0.2.1"):
        pass
    with guesses.trying("192.0.2.2"):
        pass
    tries[0].__exit__(None, None, None)
    with guesses.trying("192.0.2.1"):
        pass


def test_every_page_forbids_what_it_did_not_bring(client: Client) -> None:
    replay_id = client.uploaded(replay_bytes())
    person = visitor(client)
    for path in ("/", "/sign-in", f"/replay/{replay_id}", "/replay/none"):
        answer = person.load(path)
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; ")
        assert "unsafe" not in policy
        (nonce,) = set(re.findall(r"'nonce-([\w-]+)'", policy))
        assert set(re.findall(r'nonce="([^"]*)"', answer.text)) == {nonce}
        assert nonce not in person.load(path).text
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"


def test_another_recording_of_a_private_match_is_not_told_on_pages(server: RunningServer) -> None:
    match = believable_match(seed=5)
    kept = server.client("she").uploaded(synthetic_replay(match, frames=0), visibility="private")
    assert kept not in visitor(server.client("he")).see()
