"""Results in the docs stand where they stand."""

from __future__ import annotations

import re
from pathlib import Path

from parsekit.host.host import Host

ROOT = Path(__file__).parents[1]


def test_results_stand_under_the_version_of_their_parser():
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    text = "\n".join(page.read_text() for page in pages)
    shown = set(re.findall(r"parsed/(local|ballchasing)/([\d.]+)/", text))
    host = Host.load()
    assert shown == {(name, host.parser_entry(name).version) for name in ("local", "ballchasing")}
