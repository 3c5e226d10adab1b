"""Pages in a real browser: nothing complains, nothing leaves, everybody can read them."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from devkit.command_line import CommandLine
from parsekit.testing import believable_match, synthetic_replay

from .browsing import visitor
from .running import Client, replay_bytes

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WIDTHS = (360, 1024, 1920)
#: Pages that a stranger sees, and those of an admin.
OPEN = ("list", "replay", "group", "player", "sign in")
CLOSED = ("upload", "tokens", "operator")
PAGES = (*OPEN, *CLOSED)


@dataclass(frozen=True, kw_only=True)
class Site:
    """A server, an admin of it, and the addresses of its pages by their names."""

    client: Client
    session: str
    addresses: dict[str, str]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server with a series that the real parser has read, and a replay that it can't read."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "home" / "tmp").mkdir(parents=True)
    command_line = CommandLine(folder=folder, home=folder / "home")
    token = command_line.run("serve", "token", "add", "ann", "--role", "admin").stdout
    server = command_line.start("serve", "--port", "0")
    assert server.stderr is not None
    (root,) = re.findall(r"listening on (\S+)", server.stderr.readline().decode())
    client = Client(root=root, token=token.decode().strip())
    group = client.call("POST", "/groups", json={"name": "League of July"}).json()["id"]
    client.call("POST", "/groups", json={"name": "Week 1", "parent": group})
    contents = [synthetic_replay(frames=600)]
    contents += [synthetic_replay(believable_match(seed=seed), frames=0) for seed in (7, 8)]
    made = [client.upload(each, group=group).json()["id"] for each in contents]
    shown = [client.wait(each) for each in made]
    account = shown[0]["blue"]["players"][0]["id"]
    yield Site(
        client=client,
        session=visitor(client).session.cookies["session"],
        addresses={
            "list": f"{root}/",
            "replay": f"{root}/replay/{made[0]}",
            "group": f"{root}/group/{group}",
            "player": f"{root}/player/{account['platform']}%3A{account['id']}",
            "sign in": f"{root}/sign-in",
            "upload": f"{root}/upload",
            "tokens": f"{root}/tokens",
            "operator": f"{root}/operator",
        },
    )
    server.send_signal(signal.SIGTERM)
    server.communicate()


@contextmanager
def visited(
    browser: Browser, site: Site, name: str, scheme: str = "light", at: str = ""
) -> Iterator[tuple[Page, list[str]]]:
    """A page, and all that it complained of or asked of others."""
    context = browser.new_context(color_scheme=scheme)
    if name in CLOSED:
        cookie = {"name": "session", "value": site.session, "url": site.client.root}
        context.add_cookies([cookie])
    page, amiss = context.new_page(), []
    root = f"{site.client.root}/"
    page.on("console", lambda message: amiss.append(message.text))
    page.on("pageerror", lambda error: amiss.append(str(error)))
    page.on(
        "request",
        lambda asked: (
            None if asked.url.startswith((root, "data:", "blob:")) else amiss.append(asked.url)
        ),
    )
    page.goto(site.addresses[name] + at)
    if name == "replay":  # events and positions are read again when somebody looks
        page.wait_for_selector("#watch", timeout=60_000)
    yield page, amiss
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_whole_at_every_width_and_keeps_nobody_out(
    browser: Browser, axe: str, site: Site, name: str, scheme: str
) -> None:
    with visited(browser, site, name, scheme) as (page, amiss):
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert amiss == []
        page.evaluate(axe)
        found = page.evaluate("axe.run({ resultTypes: ['violations'] })")["violations"]
        serious = [each["id"] for each in found if each["impact"] in ("serious", "critical")]
        assert serious == [], [each["nodes"][0]["html"] for each in found]


def test_a_link_to_a_moment_begins_the_player_there(browser: Browser, site: Site) -> None:
    with visited(browser, site, "replay", at="#t=10") as (page, _):
        assert float(page.locator("#watch input[type=range]").input_value()) >= 10


def lines_of(page: Page, number: int) -> list[str]:
    """What became of so many files, when that is known of each."""
    page.wait_for_function(
        "wanted => document.querySelectorAll('#uploads .done, #uploads .wrong').length === wanted",
        arg=number,
        timeout=60_000,
    )
    return [each.strip() for each in page.locator("#uploads li").all_inner_texts()]


def test_files_that_are_chosen_go_up_and_say_what_became_of_them(
    browser: Browser, site: Site, tmp_path: Path
) -> None:
    contents = {"new": replay_bytes(21), "again": replay_bytes(21), "none": b"no replay"}
    paths = [tmp_path / f"{name}.replay" for name in contents]
    for path, content in zip(paths, contents.values(), strict=True):
        path.write_bytes(content)
    with visited(browser, site, "upload") as (page, amiss):
        page.set_input_files("#file", paths[0])
        (new,) = lines_of(page, 1)
        page.set_input_files("#file", paths[1:])
        _, again, none = lines_of(page, 3)
        assert new.startswith("new.replay")
        assert "is there already" in again
        assert "refused: " in none
        links = page.locator("#uploads a").evaluate_all("all => all.map(each => each.href)")
        assert len(links) == 2
        assert len(set(links)) == 1
        assert page.locator("#summary").inner_text() == "3 of 3 done"
        assert amiss == []


def test_files_are_dropped_anywhere_on_the_page(browser: Browser, site: Site) -> None:
    with visited(browser, site, "upload") as (page, _):
        dropped = page.evaluate_handle(
            """bytes => {
                const dropped = new DataTransfer();
                dropped.items.add(new File([new Uint8Array(bytes)], "dropped.replay"));
                return dropped;
            }""",
            list(replay_bytes(22)),
        )
        page.dispatch_event("h1", "drop", {"dataTransfer": dropped})
        (line,) = lines_of(page, 1)
        assert line.startswith("dropped.replay")


def test_an_upload_after_the_session_ended_is_refused_in_words(
    browser: Browser, site: Site, tmp_path: Path
) -> None:
    path = tmp_path / "late.replay"
    path.write_bytes(replay_bytes(23))
    with visited(browser, site, "upload") as (page, _):
        page.context.clear_cookies()
        page.set_input_files("#file", path)
        (line,) = lines_of(page, 1)
        assert "sign in first" in line


def test_a_form_goes_up_without_scripts(browser: Browser, site: Site, tmp_path: Path) -> None:
    path = tmp_path / "plain.replay"
    path.write_bytes(replay_bytes(24))
    context = browser.new_context(java_script_enabled=False)
    cookie = {"name": "session", "value": site.session, "url": site.client.root}
    context.add_cookies([cookie])
    page = context.new_page()
    page.goto(site.addresses["upload"])
    page.set_input_files("#file", path)
    page.get_by_role("button", name="Upload").click()
    page.get_by_role("link", name="its page").click()
    assert "/replay/" in page.url
    context.close()
