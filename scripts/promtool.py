"""Make sure that the tests find promtool: take it out of Debian's package, without installing.

A second run does nothing.
"""

from __future__ import annotations

import sys
from pathlib import Path

from debian import packages, provide

from devkit.servers.promtool import UNPACKED, find_promtool

_PACKAGE = "prometheus"


def unpack(target: Path) -> None:
    """Put promtool into ``target``. Raises `Refused` when the package can't be had."""
    with packages(target) as taken:
        taken.unpack(_PACKAGE)
        target.mkdir(exist_ok=True)
        (taken.root / "usr/bin/promtool").rename(target / "promtool")


if __name__ == "__main__":
    sys.exit(0 if find_promtool() else provide("promtool", _PACKAGE, lambda: unpack(UNPACKED)))
