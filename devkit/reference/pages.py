"""Every page of ``docs/reference``, by name, and whether those on disk are what the code says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from devkit.reference import (
    commands,
    contract,
    errors,
    hooks,
    logs,
    metrics,
    python_api,
    settings,
    tables,
)

FOLDER = Path(__file__).parents[2] / "docs" / "reference"
#: Name of a page to who writes it: title, introduction and all.
PAGES: Mapping[str, Callable[[], str]] = {
    "commands": commands.page,
    "settings": settings.page,
    "errors": errors.page,
    "hooks": hooks.page,
    "contract": contract.page,
    "tables": tables.page,
    "logs": logs.page,
    "metrics": metrics.page,
    "python": python_api.page,
}
_HEAD = "<!-- Written by `make reference` from the code; edit that. -->\n\n"


def written() -> dict[str, str]:
    """Every page, by the name of its file."""
    return {f"{name}.md": f"{_HEAD}{page().strip()}\n" for name, page in PAGES.items()}


def stale(folder: Path = FOLDER) -> list[str]:
    """Names of files that are absent, differ from what the code says, or are no page of ours."""
    found = {path.name: path.read_text() for path in folder.glob("*.md")}
    pages = written()
    return sorted(name for name in {*found, *pages} if found.get(name) != pages.get(name))
