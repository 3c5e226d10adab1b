"""Make sure that the tests find a Chromium: unpack Debian's package and the libraries it lacks.

Nothing is installed and no root is needed. A second run does nothing.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from debian import packages, provide

from devkit.servers.chromium import UNPACKED, find_chromium, write_fonts

#: The browser without windows, a font for machines that have none, and what Playwright needs.
_PACKAGES = ("chromium-headless-shell", "fonts-dejavu-core", "libatomic1")
#: What no test needs of the packages.
_NEEDLESS = ("usr/share/doc", "usr/share/man")


def unpack(target: Path) -> None:
    """Put the browser below ``target``. Raises `Refused` when the packages can't be had."""
    with packages(target) as taken:
        taken.unpack_with_what_lacks(*_PACKAGES)
        for needless in _NEEDLESS:
            shutil.rmtree(taken.root / needless, ignore_errors=True)
        write_fonts(taken.root)
        shutil.rmtree(target, ignore_errors=True)
        taken.root.rename(target)


if __name__ == "__main__":
    sys.exit(0 if find_chromium() else provide("Chromium", "chromium", lambda: unpack(UNPACKED)))
