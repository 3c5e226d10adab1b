"""Pages in a real browser: nothing complains, nothing leaves, everybody can read them."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from devkit.command_line import CommandLine
from parsekit.testing import synthetic_replay

from .running import Client

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WIDTHS = (360, 1024, 1920)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Name to address, of a server with one replay that the real parser has read."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "home" / "tmp").mkdir(parents=True)
    command_line = CommandLine(folder=folder, home=folder / "home")
    token = command_line.run("serve", "token", "add", "ann", "--role", "admin").stdout
    server = command_line.start("serve", "--port", "0")
    assert server.stderr is not None
    (root,) = re.findall(r"listening on (\S+)", server.stderr.readline().decode())
    client = Client(root=root, token=token.decode().strip())
    replay_id = client.upload(synthetic_replay(frames=600)).json()["id"]
    client.wait(replay_id)
    yield {
        "list": f"{root}/",
        "replay": f"{root}/replay/{replay_id}",
        "sign in": f"{root}/sign-in",
    }
    server.send_signal(signal.SIGTERM)
    server.communicate()


@contextmanager
def visited(browser: Browser, address: str, scheme: str) -> Iterator[tuple[Page, list[str]]]:
    """A page, and all that it complained of or asked of others."""
    context = browser.new_context(color_scheme=scheme)
    page, amiss = context.new_page(), []
    root = address.split("/", maxsplit=3)[:3]
    page.on("console", lambda message: amiss.append(message.text))
    page.on("pageerror", lambda error: amiss.append(str(error)))
    page.on(
        "request",
        lambda asked: (
            None
            if asked.url.split("/", maxsplit=3)[:3] == root
            or asked.url.startswith(("data:", "blob:"))
            else amiss.append(asked.url)
        ),
    )
    page.goto(address)
    if "/replay/" in address:  # events and positions are read again when somebody looks
        page.wait_for_selector("#watch", timeout=60_000)
    yield page, amiss
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["list", "replay", "sign in"])
def test_a_page_is_whole_at_every_width(
    browser: Browser, pages: dict[str, str], name: str, scheme: str
) -> None:
    with visited(browser, pages[name], scheme) as (page, amiss):
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert amiss == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["list", "replay", "sign in"])
def test_nobody_is_kept_out_of_a_page(
    browser: Browser, axe: str, pages: dict[str, str], name: str, scheme: str
) -> None:
    with visited(browser, pages[name], scheme) as (page, _):
        page.evaluate(axe)
        found = page.evaluate("axe.run({ resultTypes: ['violations'] })")["violations"]
        serious = [each["id"] for each in found if each["impact"] in ("serious", "critical")]
        assert serious == [], [each["nodes"][0]["html"] for each in found]


def test_a_link_to_a_moment_begins_the_player_there(
    browser: Browser, pages: dict[str, str]
) -> None:
    with visited(browser, pages["replay"] + "#t=10", "light") as (page, _):
        assert float(page.locator("#watch input[type=range]").input_value()) >= 10
