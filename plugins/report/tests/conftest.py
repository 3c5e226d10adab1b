"""Pages in files, for a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from devkit.command_line import CommandLine
from parsekit import Outcome
from parsekit_report.collection import collect
from parsekit_report.page import page_of

Write = Callable[..., Path]


def page(*outcomes: Outcome, player: str | None = None, last: int | None = None) -> str:
    """The text of the page of these outcomes."""
    return "".join(page_of(collect(outcomes, player=player, last=last))[1])


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write the page of some outcomes to a file."""

    def written(outcomes: Iterable[Outcome], **how: str | int | None) -> Path:
        file = tmp_path / "page.html"
        file.write_text(page(*outcomes, **how), encoding="utf-8")  # type: ignore[arg-type]
        return file

    return written


@pytest.fixture
def command_line(tmp_path: Path) -> CommandLine:
    """The command line, with a home of its own."""
    home = tmp_path / "home"
    (home / "tmp").mkdir(parents=True)
    return CommandLine(folder=tmp_path, home=home)
