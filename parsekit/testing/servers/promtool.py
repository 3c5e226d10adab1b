"""Where promtool is, which checks and tests alert rules: on the PATH, else as unpacked."""

from __future__ import annotations

import shutil
from pathlib import Path

#: ``scripts/promtool.py`` puts it here.
UNPACKED = Path(__file__).parents[3] / ".cache" / "prometheus"


def find_promtool(unpacked: Path = UNPACKED) -> Path | None:
    """The program, None when there is none."""
    if there := shutil.which("promtool"):
        return Path(there)
    own = unpacked / "promtool"
    return own if own.is_file() else None
