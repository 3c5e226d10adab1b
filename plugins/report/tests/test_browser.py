"""The page in a real browser: drawn at every width, quiet, reachable by all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from devkit.deployment import poll
from parsekit import Outcome
from parsekit.testing import believable_match, write_replay

from .conftest import Write
from .made import header_only, outcome
from .test_page import HOSTILE

Open = Callable[..., Page]
#: Milliseconds: a busy machine draws slowly.
PATIENCE_MS = 60_000
#: Whether each picture has an area, and more than one colour where it is a canvas.
EMPTY_PICTURES = """() => [...document.querySelectorAll("svg[role=img], canvas")].filter((each) => {
  const box = each.getBoundingClientRect();
  if (box.width < 60 || box.height < 12) return true;
  if (each.tagName !== "CANVAS") return !each.querySelector("path, circle, rect, use");
  const pixels = each.getContext("2d").getImageData(0, 0, each.width, each.height).data;
  return new Set(new Uint32Array(pixels.buffer)).size < 5;
}).map((each) => each.getAttribute("aria-label"))"""
SEVERE = ("serious", "critical")


@pytest.fixture
def visit(browser: Browser) -> Iterator[Open]:
    """Open a page in a browser of its own; whatever it says or asks for fails the test."""
    contexts, complaints = [], []

    def opened(file: Path, fragment: str = "", *, quiet: bool = True, **options: Any) -> Page:
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        if quiet:
            page.on("console", lambda message: complaints.append(message.text))
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("request", lambda request: complaints.append(request.url))
        page.goto(file.as_uri() + fragment)
        if quiet:
            assert complaints.pop(0) == file.as_uri()  # the page itself
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture(scope="module")
def match_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from .conftest import page  # noqa: PLC0415

    file = tmp_path_factory.mktemp("pages") / "match.html"
    file.write_text(page(outcome()), encoding="utf-8")
    return file


def series() -> list[Outcome]:
    duel = (("Ann",), ("Dee",))
    goals = ((12.0, 0, 0), (31.5, 1, 1))
    return [
        outcome(duel, goals=goals, salt=n, day=n, date=f"2026-01-01T18:{7 * n:02}:00Z")
        for n in (1, 2)
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1024, 1920])
def test_every_picture_is_drawn_and_nothing_hangs_over(
    visit: Open, match_file: Path, width: int, scheme: str
) -> None:
    page = visit(match_file, viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.wait_for_selector("canvas")
    assert page.evaluate(EMPTY_PICTURES) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_colors_follow_the_scheme(visit: Open, match_file: Path) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    light, dark = (
        visit(match_file, color_scheme=each).evaluate(paper) for each in ("light", "dark")
    )
    assert light != dark


@pytest.mark.parametrize("names", [(HOSTILE[:4], HOSTILE[4:]), (("a",) * 8, ("b",) * 8), ((), ())])
@pytest.mark.parametrize("width", [360, 1280])
def test_pages_stay_whole_with_any_names(
    visit: Open, write: Write, names: tuple[list[str], list[str]], width: int
) -> None:
    file = write([outcome(names, goals=((5.0, 0, 0),) if names[0] else ())])
    page = visit(file, viewport={"width": width, "height": 800})
    assert page.evaluate(EMPTY_PICTURES) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.locator("img").count() == 0


def time_of(page: Page) -> float:
    return float(page.locator("section.watch input[type=range]").first.input_value())


def test_the_player_plays_and_pauses(visit: Open, match_file: Path) -> None:
    page = visit(match_file)
    page.get_by_role("combobox", name="Speed").select_option("4")
    page.get_by_role("button", name="Play", exact=True).click()
    poll(lambda: time_of(page) > 1)
    page.get_by_role("button", name="Pause").click()
    stopped = time_of(page)
    page.wait_for_timeout(300)
    assert time_of(page) == stopped


def test_the_address_names_a_moment(visit: Open, match_file: Path) -> None:
    page = visit(match_file, "#t=23.4")
    assert time_of(page) == 23.4
    page.goto(match_file.as_uri() + "#t=7.0")
    poll(lambda: time_of(page) == 7)


def test_every_event_of_the_page_is_a_link_to_its_moment(visit: Open, match_file: Path) -> None:
    page = visit(match_file)
    page.locator("article.goal a.moment").nth(1).click()
    poll(lambda: time_of(page) > 1)
    links = page.locator("a[href*='t=']")
    assert links.count() >= 2 * len(["goal"] * 3)


def test_a_strip_leads_to_its_moment(visit: Open, match_file: Path) -> None:
    page = visit(match_file)
    lane = page.locator(".strip > svg").first
    box = lane.bounding_box()
    assert box is not None
    lane.click(position={"x": box["width"] / 2, "y": 5})
    assert abs(time_of(page) - 30) < 1


def test_keys_move_the_player(visit: Open, match_file: Path) -> None:
    page = visit(match_file)
    page.locator("canvas").focus()
    for key, wanted in (
        ("ArrowRight", 5),
        ("ArrowRight", 10),
        (".", 10.1),
        ("ArrowLeft", 5.1),
        ("ArrowUp", 10),  # the demolition
    ):
        page.keyboard.press(key)
        assert time_of(page) == wanted
    page.keyboard.press(" ")
    assert page.get_by_role("button", name="Pause").is_visible()


def test_the_keyboard_reaches_everything(visit: Open, match_file: Path) -> None:
    page = visit(match_file)
    focusable = "a[href], button, input, select, summary, canvas, [tabindex='0']"
    wanted = page.evaluate(
        f"""() => [...document.querySelectorAll("{focusable}")]
        .filter((each) => each.checkVisibility())
        .map((each, i) => {{ each.dataset.seen = i; }}).length"""
    )
    seen = set()
    for _ in range(wanted + 5):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("document.activeElement.dataset.seen"))
    assert len(seen - {None}) == wanted


@pytest.mark.parametrize(
    ("made", "scheme"),
    [
        ([outcome()], "light"),
        ([outcome()], "dark"),
        (series(), "light"),
        ([header_only(outcome())], "light"),
    ],
    ids=["match", "match in the dark", "series", "header only"],
)
def test_nothing_keeps_anybody_out(
    visit: Open, write: Write, axe: str, made: list[Outcome], scheme: str
) -> None:
    # axe must be let in past the page's own policy
    page = visit(write(made), quiet=False, color_scheme=scheme, bypass_csp=True)
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    page.add_script_tag(content=axe)
    found = page.evaluate("axe.run({ resultTypes: ['violations'] })")["violations"]
    bad = [each for each in found if each["impact"] in SEVERE]
    assert [(each["id"], each["nodes"][0]["html"]) for each in bad] == []


def test_without_scripts_all_but_the_player_is_there(visit: Open, match_file: Path) -> None:
    page = visit(match_file, java_script_enabled=False)
    for part in ("Goals", "On one clock", "Where they were", "Tables", "How sure this is"):
        assert page.get_by_role("heading", name=part).is_visible()
    assert page.get_by_text("The player needs scripts").is_visible()
    assert not page.locator("canvas").is_visible()


def test_on_paper_pictures_and_tables_are_there_and_the_player_is_not(
    visit: Open, match_file: Path
) -> None:
    page = visit(match_file, color_scheme="dark")
    page.emulate_media(media="print")
    assert page.locator("article.goal svg").first.is_visible()
    assert page.locator(".statistics table").first.is_visible()
    assert not page.locator("canvas").is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    page.set_viewport_size({"width": 718, "height": 1000})  # A4 without its margins
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.pdf(format="A4").startswith(b"%PDF")


def test_tables_are_sorted_by_a_click_and_copied_by_another(visit: Open, match_file: Path) -> None:
    page = visit(match_file, permissions=["clipboard-read", "clipboard-write"])
    table = page.locator("table.sortable").first
    table.get_by_role("button", name="Score").click()
    column = [float(each) for each in table.locator("tbody td:nth-child(2)").all_inner_texts()]
    assert column == sorted(column, reverse=True)
    assert table.locator("[aria-sort=descending]").count() == 1
    page.get_by_role("button", name="Copy the table Core").click()
    page.get_by_text("Copied").wait_for()
    lines = page.evaluate("navigator.clipboard.readText()").splitlines()
    assert lines[0].split("\t")[:2] == ["Player", "Score●"] or lines[0].startswith("Player\tScore")
    assert len(lines) == 1 + 6 + 2


def test_each_match_of_a_series_has_a_player_and_moments_of_its_own(
    visit: Open, write: Write
) -> None:
    page = visit(write(series()), "#m2.t=20.5")
    opened = page.locator("details.match[open]")
    assert opened.count() == 1
    assert opened.get_attribute("id") == "m2"
    assert opened.locator(".watch input[type=range]").input_value() == "20.5"


def test_the_command_writes_the_page_of_a_replay(
    visit: Open, tmp_path: Path, command_line: Any
) -> None:
    replay = write_replay(tmp_path / "match.replay", believable_match(team_size=2), frames=900)
    done = command_line.run("report", replay, "-o", tmp_path / "match.html")
    assert done.returncode == 0, done.stderr
    assert b"match.html" in done.stderr
    page = visit(tmp_path / "match.html", viewport={"width": 1280, "height": 900})
    assert page.evaluate(EMPTY_PICTURES) == []
    assert page.locator("article.goal").count() >= 1
    assert json.loads(page.locator("script.playback").inner_text())["rate"] == 10
