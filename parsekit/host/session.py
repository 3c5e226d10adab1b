"""What a listener gets when its process begins to work."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from parsekit.config import Config


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One process at work. ``role`` is the driver; ``data_dir`` is for spools and logs.

    It is there, unless the disk refuses: a home may be read-only.
    """

    config: Config
    role: Literal["cli", "worker", "python"]
    data_dir: Path
