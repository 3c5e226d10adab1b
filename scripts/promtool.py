"""Make sure that the tests find promtool: take it out of Debian's package, without installing.

A second run does nothing.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from servers import Refused, apt_settings, run

from devkit.servers.promtool import UNPACKED, find_promtool

_PACKAGE = "prometheus"


def unpack(target: Path) -> None:
    """Put promtool into ``target``. Raises `Refused` when the package can't be had."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise Refused("there is no apt-get or no dpkg-deb")
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target) as name:
        work = Path(name)
        apt = apt_settings(work)
        run(["apt-get", *apt, "-qq", "update"])
        run(["apt-get", *apt, "-qq", "download", _PACKAGE], folder=work)
        for package in work.glob("*.deb"):
            run(["dpkg-deb", "-x", str(package), str(work / "root")])
        (work / "root/usr/bin/promtool").rename(target / "promtool")


def main() -> int:
    """Answer an exit code: 0 when there is a promtool."""
    if find_promtool():
        return 0
    print("getting promtool for the tests", file=sys.stderr)
    try:
        unpack(UNPACKED)
    except (Refused, OSError) as exc:
        print(f"there is no promtool for the tests, and getting it failed: {exc}", file=sys.stderr)
        print("install the package prometheus, then run again", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
