"""The site of the docs: built without a warning, whole without a network, open to everybody."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

Open = Callable[..., Page]
ROOT = Path(__file__).parents[2]
#: Milliseconds: a busy machine draws slowly.
PATIENCE_MS = 60_000
#: One page of each kind: the front, a reader's, one with wide tables, written from the code,
#: of a plugin, and the search.
KINDS = (
    "docs/index.html",
    "docs/coach.html",
    "docs/service.html",
    "docs/reference/settings.html",
    "docs/reference/tables.html",
    "plugins/local/docs/events.html",
    "search.html",
)
SEVERE = ("serious", "critical")
#: Attributes whose address a browser asks for by itself.
LOADING = {"src", "srcset", "data", "poster"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, made as ``make docs`` makes it."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-E", "-W", "--keep-going", "-b", "html"]
    command += ["-c", "docs", "-d", str(folder / "trees"), ".", str(folder / "html")]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return folder / "html"


@pytest.fixture
def visit(browser: Browser, site: Path) -> Iterator[Open]:
    """Open a page of the site from the disk; whatever it asks of a network fails the test."""
    contexts, asked = [], []

    def opened(name: str, **options: object) -> Page:
        context = browser.new_context(**options)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("request", lambda request: asked.append(request.url))
        page.goto((site / name).as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []


class _Addresses(HTMLParser):
    """The addresses that a page loads from."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        names = LOADING | ({"href"} if tag == "link" else set())
        self.found += [value for name in names if (value := known.get(name))]


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    pages = _Addresses()
    for file in site.rglob("*.html"):
        pages.feed(file.read_text())
    assert pages.found, "nothing was looked at"
    assert [url for url in pages.found if "//" in url] == []
    styles = "".join(file.read_text() for file in site.rglob("*.css"))
    assert "url(http" not in styles
    assert "@import" not in styles


def test_the_root_of_the_site_leads_to_its_front(visit: Open) -> None:
    page = visit("index.html")
    page.wait_for_url("**/docs/index.html")
    assert page.get_by_role("heading", name="parsekit").is_visible()


def test_a_search_finds_a_setting(visit: Open) -> None:
    page = visit("docs/index.html", viewport={"width": 1200, "height": 900})
    page.get_by_role("textbox", name="Search").first.fill("backoffFactor")
    page.keyboard.press("Enter")
    found = page.locator("#search-results li a").first
    found.wait_for()
    assert "Settings" in found.inner_text()


@pytest.mark.parametrize("name", KINDS)
def test_a_page_fits_a_telephone(visit: Open, name: str) -> None:
    page = visit(name, viewport={"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize(
    ("name", "scheme"),
    [*((name, "light") for name in KINDS), (KINDS[0], "dark"), (KINDS[2], "dark")],
)
def test_nothing_keeps_anybody_out(visit: Open, axe: str, name: str, scheme: str) -> None:
    page = visit(name, color_scheme=scheme, viewport={"width": 1200, "height": 900})
    page.add_script_tag(content=axe)
    found = page.evaluate("axe.run({ resultTypes: ['violations'] })")["violations"]
    bad = [each for each in found if each["impact"] in SEVERE]
    assert [(each["id"], each["nodes"][0]["html"]) for each in bad] == []
