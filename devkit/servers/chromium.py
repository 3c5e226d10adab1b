"""Chromium, in which tests look at pages: on the PATH, else Debian's package as unpacked."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

if TYPE_CHECKING:
    from playwright.sync_api import Browser

#: ``scripts/chromium.py`` puts it here.
UNPACKED = Path(__file__).parents[2] / ".cache" / "chromium"
#: Names of the program: Debian's two packages, and what other systems call it.
PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
_SYSTEM_FONTS = Path("/etc/fonts/fonts.conf")
_FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
<dir>/usr/share/fonts</dir><dir prefix="relative">usr/share/fonts</dir>
<cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
"""


@dataclass(frozen=True, slots=True)
class Chromium:
    """The program, and what its environment needs."""

    program: Path
    environ: Mapping[str, str]


def find_chromium(unpacked: Path = UNPACKED) -> Chromium | None:
    """The browser, None when there is none."""
    for name in PROGRAMS:
        if there := shutil.which(name):
            return Chromium(Path(there), os.environ)
    own = unpacked / "usr/lib/chromium/chromium-headless-shell"
    if not own.is_file():
        return None
    places = ("usr/lib/*-linux-gnu", "usr/lib/*-linux-gnu/*/", "lib/*-linux-gnu")
    libraries = [each for place in places for each in unpacked.glob(place)]
    environ = {**os.environ, "LD_LIBRARY_PATH": ":".join(map(str, libraries))}
    if not _SYSTEM_FONTS.is_file():
        environ["FONTCONFIG_FILE"] = str(unpacked / "fonts.conf")
    return Chromium(own, environ)


@contextmanager
def chromium(found: Chromium) -> Iterator[Browser]:
    """Run it without a window for the length of the block."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  (most test runs need none)

    with patch.dict(os.environ, found.environ):  # Playwright's own program needs a library too
        playwright = sync_playwright().start()
    try:
        # as root, and in most containers, its own sandbox can't be set up; the pages are ours
        browser = playwright.chromium.launch(
            executable_path=found.program, env=dict(found.environ), args=["--no-sandbox"]
        )
        yield browser
        browser.close()
    finally:
        playwright.stop()


def write_fonts(unpacked: Path) -> None:
    """Let the unpacked browser find a font where the system knows of none."""
    (unpacked / "fonts.conf").write_text(_FONTS)
