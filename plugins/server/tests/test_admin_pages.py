"""Pages for an admin: tokens, and how the server does."""

from __future__ import annotations

import html
import re

import pytest

from parsekit import Failure
from parsekit_server.access import Role
from parsekit_server.pages.operator import size_shown

from .browsing import Visitor, visitor
from .running import Client, FakeParsing, RunningServer, poll, replay_bytes


@pytest.fixture
def admin(server: RunningServer) -> Visitor:
    """An admin with a browser."""
    return visitor(server.client("boss", Role.ADMIN))


def made(admin: Visitor, **fields: str) -> str:
    """Make a token; what the page shows of it."""
    answer = admin.send("/tokens", form_token=admin.form_token("/tokens"), **fields)
    assert answer.status_code == 200, answer.text
    (token,) = re.findall(r'<code class="token"[^>]*>(.*?)</code>', answer.text)
    return html.unescape(token)


def test_a_token_is_made_shown_once_and_works(admin: Visitor, parsing: FakeParsing) -> None:
    token = made(admin, name="Zoë <b>", role="upload")
    assert Client(root=admin.root, token=token).upload(replay_bytes()).status_code == 201
    page = admin.see("/tokens")
    assert token not in page
    assert "Zoë &lt;b&gt;" in page
    assert {
        "caller": "serve boss",
        "written": ["token of Zoë <b>: role=upload"],
    } in parsing.recorded
    assert token not in str(parsing.recorded)


def test_a_token_of_a_group_only_uploads_into_it(admin: Visitor, server: RunningServer) -> None:
    group = server.client("she").call("POST", "/groups", json={"name": "League"}).json()["id"]
    token = made(admin, name="bot", role="group", group=group)
    assert token.startswith("g/")
    assert Client(root=admin.root, token=token).call("GET", "/replays").status_code == 403


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": " ", "role": "read"}, "is no name of an account"),
        ({"name": "77", "role": "read"}, "is no name of an account"),
        ({"name": "bot", "role": "group"}, "needs the id of a group"),
        ({"name": "bot", "role": "group", "group": "none"}, "There is no group"),
        ({"name": "bot", "role": "admin", "group": "none"}, "no other role has one"),
        ({"name": "bot", "role": "king"}, "role is"),
    ],
)
def test_a_form_that_makes_no_token_says_why(
    admin: Visitor, fields: dict[str, str], words: str
) -> None:
    answer = admin.send("/tokens", form_token=admin.form_token("/tokens"), **fields)
    assert answer.status_code == 400
    assert words in html.unescape(answer.text)
    assert "shown this once" not in answer.text


def test_a_token_is_revoked_with_its_sessions(admin: Visitor, server: RunningServer) -> None:
    other = server.client("other")
    person = visitor(other)
    page = admin.see("/tokens")
    numbers = dict(re.findall(r'aria-label="Revoke token (\d+) of (.*?)"', page))
    (number,) = [number for number, name in numbers.items() if name == "other"]
    fields = {"form_token": admin.form_token("/tokens"), "number": number}
    assert admin.send("/tokens/revoke", **fields).headers["Location"] == "/tokens"
    assert other.call("GET", "/").status_code == 401
    assert "Sign in" in person.see()
    assert admin.send("/tokens/revoke", **fields).status_code == 403
    for wrong in ("", "1.5", "other", "9" * 40):
        assert admin.send("/tokens/revoke", **fields | {"number": wrong}).status_code == 400


def test_forms_for_an_admin_are_refused_to_all_others(server: RunningServer) -> None:
    number = str(len(server.site.accounts.tokens()))
    for role in (Role.READ, Role.UPLOAD):
        person = visitor(server.client(f"a {role}", role))
        token = {"form_token": person.form_token()}
        for path, fields in (
            ("/tokens", {"name": "x"}),
            ("/tokens", {"name": "x", "role": "group"}),
            ("/tokens/revoke", {"number": number}),
            ("/tokens/revoke", {"number": "x"}),
        ):
            assert person.send(path, **token, **fields).status_code == 403
    stranger = Visitor(root=server.root)
    assert (
        stranger.send("/tokens", name="x", role="admin").headers["Location"]
        == "/sign-in?to=%2Ftokens"
    )
    assert [each.account.name for each in server.site.accounts.tokens()] == ["a read", "a upload"]


@pytest.mark.parametrize("token", [{}, {"form_token": ""}, {"form_token": "guessed"}])
def test_a_form_of_another_site_makes_and_ends_no_token(
    admin: Visitor, server: RunningServer, token: dict[str, str]
) -> None:
    assert admin.send("/tokens", name="x", role="admin", **token).status_code == 403
    assert admin.send("/tokens/revoke", number="1", **token).status_code == 403
    assert [each.revoked_us for each in server.site.accounts.tokens()] == [None]


def test_the_operator_sees_queue_failures_and_disk(
    admin: Visitor, client: Client, parsing: FakeParsing
) -> None:
    assert "Nothing waits." in admin.see("/operator")
    assert "Nothing failed." in admin.see("/operator")
    failure = Failure(code="parser_failed", message="<b>broken</b>")
    parsing.answer(replay_bytes(1), failure)
    failed = client.uploaded(replay_bytes(1), visibility="private")
    away = Failure(code="storage_unavailable", message="away", retryable=True, retry_after_s=600)
    parsing.answer(replay_bytes(2), away)
    waiting = client.upload(replay_bytes(2)).json()["id"]
    page = poll(lambda: admin.see("/operator"), lambda page: "try 2 in " in page)
    queue, _, failures = page.partition('id="failures"')
    assert f'href="/replay/{waiting}"' in queue
    assert "<bdi>away</bdi> <code>storage_unavailable</code>" in queue
    assert f'href="/replay/{failed}"' in failures
    assert "<bdi>&lt;b&gt;broken&lt;/b&gt;</bdi> <code>parser_failed</code>" in failures
    totals = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page))
    assert (totals["In the queue"], totals["Failed"], totals["Parsed"]) == ("1", "1", "0")
    assert re.fullmatch(r"\d+\.\d [KMGT]iB", totals["Disk free"])


@pytest.mark.parametrize(
    ("size_bytes", "shown"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (3 << 30, "3.0 GiB")]
)
def test_a_size_is_shown_in_the_unit_that_fits(size_bytes: int, shown: str) -> None:
    assert size_shown(size_bytes) == shown
