"""Make the pictures of README and docs: the page of an invented match, in light and in dark."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Literal

from playwright.sync_api import ViewportSize

from devkit.servers.chromium import chromium, find_chromium
from parsekit.testing.replays.file import believable_match, write_replay

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
#: As smooth as a real match.
_FRAMES = 9000
_SIZE: ViewportSize = {"width": 1280, "height": 800}
#: Name of a picture, the scheme, and the moment or part that it shows.
_SHOWN: tuple[tuple[str, Literal["light", "dark"], str], ...] = (
    ("match.png", "light", ""),
    ("match-dark.png", "dark", ""),
    ("clock.png", "light", "#clock"),
    ("watch.png", "dark", "#t=72.0"),
)


def main() -> int:
    """Answer an exit code: 0 when all pictures were written."""
    found = find_chromium()
    if found is None:
        print("there is no Chromium: run scripts/chromium.py", file=sys.stderr)
        return 1
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="parsekit-pictures-") as name:
        page = _write_page(Path(name))
        with chromium(found) as browser:
            for file, scheme, part in _SHOWN:
                tab = browser.new_page(viewport=_SIZE, color_scheme=scheme)
                tab.emulate_media(reduced_motion="reduce")
                tab.goto(page.as_uri() + part)
                tab.screenshot(path=PICTURES / file)
                tab.close()
    return 0


def _write_page(folder: Path) -> Path:
    match = believable_match(seed=4, team_size=3)
    replay = write_replay(folder / "synthetic.replay", match, frames=_FRAMES)
    page = folder / "match.html"
    command = [sys.executable, "-m", "parsekit", "report", str(replay), "--output", str(page)]
    subprocess.run(command, check=True)
    return page


if __name__ == "__main__":
    sys.exit(main())
