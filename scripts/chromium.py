"""Make sure that the tests find a Chromium: unpack Debian's package and the libraries it lacks.

Nothing is installed and no root is needed. A second run does nothing.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from servers import Refused, apt_settings, run

from devkit.servers.chromium import UNPACKED, find_chromium, write_fonts

#: The browser without windows, a font for machines that have none, and what Playwright needs.
_PACKAGES = ("chromium-headless-shell", "fonts-dejavu-core", "libatomic1")
#: What no test needs of the packages.
_NEEDLESS = ("usr/share/doc", "usr/share/man")


def unpack(target: Path) -> None:
    """Put the browser below ``target``. Raises `Refused` when the packages can't be had."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise Refused("there is no apt-get or no dpkg-deb")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as name:
        work, root = Path(name), Path(name) / "root"
        apt = apt_settings(work)
        run(["apt-get", *apt, "-qq", "update"])
        # only what the system lacks comes along: it is resolved against what is installed
        wanted = ["--no-install-recommends", "--download-only", "install", *_PACKAGES]
        run(["apt-get", *apt, "-qq", "--yes", *wanted])
        for package in sorted((work / "cache/archives").glob("*.deb")):
            run(["dpkg-deb", "-x", str(package), str(root)])
        for needless in _NEEDLESS:
            shutil.rmtree(root / needless, ignore_errors=True)
        write_fonts(root)
        shutil.rmtree(target, ignore_errors=True)
        root.rename(target)


def main() -> int:
    """Answer an exit code: 0 when there is a browser."""
    if find_chromium():
        return 0
    print("getting Chromium for the tests", file=sys.stderr)
    try:
        unpack(UNPACKED)
    except (Refused, OSError) as exc:
        print(f"there is no Chromium for the tests, and getting it failed: {exc}", file=sys.stderr)
        print("install the package chromium, then run again", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
