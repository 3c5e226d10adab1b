"""Make sure that the tests find a PostgreSQL: unpack Debian's package and the libraries it lacks.

Nothing is installed and no root is needed. A second run does nothing.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from debian import packages, provide

from devkit.servers.postgresql import UNPACKED, find_postgresql

#: What no test needs of the packages.
_NEEDLESS = ("usr/share/doc", "usr/share/man", "usr/share/locale")


def unpack(target: Path) -> None:
    """Put the server below ``target``. Raises `Refused` when the packages can't be had."""
    with packages(target) as taken:
        (server, *_) = sorted(taken.needed_by("postgresql") & _VERSIONS)
        taken.unpack_with_what_lacks(server)
        for needless in _NEEDLESS:
            shutil.rmtree(taken.root / needless, ignore_errors=True)
        shutil.rmtree(target, ignore_errors=True)
        taken.root.rename(target)


#: The package of the server has its version in its name.
_VERSIONS = {f"postgresql-{number}" for number in range(13, 40)}

if __name__ == "__main__":
    found = find_postgresql()
    sys.exit(0 if found else provide("PostgreSQL", "postgresql", lambda: unpack(UNPACKED)))
