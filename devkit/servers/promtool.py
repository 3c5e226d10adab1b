"""promtool, which checks and tests rules of Prometheus: on the PATH, else as unpacked."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

#: ``scripts/promtool.py`` puts it here.
UNPACKED = Path(__file__).parents[2] / ".cache" / "prometheus"


def find_promtool(unpacked: Path = UNPACKED) -> Path | None:
    """The program, None when there is none."""
    if there := shutil.which("promtool"):
        return Path(there)
    own = unpacked / "promtool"
    return own if own.is_file() else None


@dataclass(frozen=True, slots=True)
class Promtool:
    """What it says of files; its answer has the exit code, and its complaints in the output."""

    program: Path

    def check_rules(self, file: Path) -> subprocess.CompletedProcess[str]:
        """Read rules, and the queries in them."""
        return self._run("check", "rules", str(file))

    def test_rules(self, file: Path) -> subprocess.CompletedProcess[str]:
        """Let rules see the series that the file gives, and compare what comes of it."""
        return self._run("test", "rules", str(file))

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.program, *arguments], capture_output=True, text=True, timeout=60, check=False
        )
