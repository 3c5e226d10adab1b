"""Makes a value once for all processes of a test run."""

from __future__ import annotations

import fcntl
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

Made = TypeVar("Made")


def once(file: Path, make: Callable[[], Made]) -> Made:
    """Return what the first process that asked has made and left in this file.

    The others wait for it. Where it fails, the next one tries.
    """
    with file.with_name(f"{file.name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            file.write_bytes(pickle.dumps(make()))
        made: Made = pickle.loads(file.read_bytes())  # noqa: S301  (a file of our own)
    return made
