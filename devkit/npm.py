"""Packages from npm that tests need: installed once, by the hashes of a lock file."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from pathlib import Path

from devkit.missing import missing

_LOCK = Path(__file__).parents[1] / ".cache" / "npm.lock"


def installed(folder: Path) -> Path:
    """Install what ``package-lock.json`` of this folder names; answer its ``node_modules``.

    Skips the test where npm is missing, and fails it in CI.
    """
    npm = shutil.which("npm") or missing("npm is missing")
    _LOCK.parent.mkdir(exist_ok=True)
    with _LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run in several processes
        if not (folder / "node_modules/.package-lock.json").is_file():
            command = [npm, "ci", "--no-audit", "--no-fund"]
            subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder / "node_modules"
