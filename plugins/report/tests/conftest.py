"""A real browser, and pages in files for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from devkit import npm
from devkit.command_line import CommandLine
from devkit.missing import missing
from devkit.servers.chromium import chromium, find_chromium
from parsekit import Outcome
from parsekit_report.collection import collect
from parsekit_report.page import page_of

Write = Callable[..., Path]


def page(*outcomes: Outcome, player: str | None = None, last: int | None = None) -> str:
    """The text of the page of these outcomes."""
    return "".join(page_of(collect(outcomes, player=player, last=last))[1])


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium without a window; missing it skips, and fails in CI."""
    found = find_chromium()
    if found is None:
        missing("there is no Chromium: run scripts/chromium.py")
    with chromium(found) as started:
        yield started


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write the page of some outcomes to a file."""

    def written(outcomes: Iterable[Outcome], **how: str | int | None) -> Path:
        file = tmp_path / "page.html"
        file.write_text(page(*outcomes, **how), encoding="utf-8")  # type: ignore[arg-type]
        return file

    return written


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core, which finds what keeps people out of a page."""
    return (npm.installed(Path(__file__).parent / "axe") / "axe-core/axe.min.js").read_text()


@pytest.fixture
def command_line(tmp_path: Path) -> CommandLine:
    """The command line, with a home of its own."""
    home = tmp_path / "home"
    (home / "tmp").mkdir(parents=True)
    return CommandLine(folder=tmp_path, home=home)
