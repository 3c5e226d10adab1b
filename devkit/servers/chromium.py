"""Chromium, in which tests look at pages: on the PATH, else Debian's package as unpacked."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

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
    libraries = [*unpacked.glob("usr/lib/*-linux-gnu"), *unpacked.glob("usr/lib/*-linux-gnu/*/")]
    environ = {**os.environ, "LD_LIBRARY_PATH": ":".join(map(str, libraries))}
    if not _SYSTEM_FONTS.is_file():
        environ["FONTCONFIG_FILE"] = str(unpacked / "fonts.conf")
    return Chromium(own, environ)


def write_fonts(unpacked: Path) -> None:
    """Let the unpacked browser find a font where the system knows of none."""
    (unpacked / "fonts.conf").write_text(_FONTS)
