"""Links lead somewhere: those of pages in the repository, and of what an index shows of us."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    page
    for pattern in (
        "*.md",
        "docs/*.md",
        "docs/reference/*.md",
        "bench/*.md",
        "plugins/*/*.md",
        "plugins/*/docs/*.md",
    )
    for page in ROOT.glob(pattern)
)
LINK = re.compile(r"\]\(([^)\s]+)\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_of_a_page_lead_to_files_that_are_there(page: Path) -> None:
    targets = {link.partition("#")[0] for link in LINK.findall(page.read_text())}
    local = [target for target in targets if target and "://" not in target]
    assert [target for target in local if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("folder", [ROOT, *sorted((ROOT / "plugins").glob("*/"))])
def test_what_an_index_shows_has_no_relative_link(folder: Path) -> None:
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    readme = project["readme"]
    text = readme["text"] if isinstance(readme, dict) else (folder / readme).read_text()
    assert [link for link in LINK.findall(text) if "://" not in link] == []
    assert project["name"] in text
