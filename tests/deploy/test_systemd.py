from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from devkit.missing import missing

from .memory import most_bytes

#: On systemd's scale from 0 to 10; a unit without any hardening has 9.6.
MOST_EXPOSURE = 2.0


@pytest.fixture(scope="session")
def analyze() -> str:
    """The linter of Debian's package ``systemd``."""
    found = shutil.which("systemd-analyze")
    if found is None:
        missing("no systemd-analyze to check the unit with: install the package systemd")
    return found


@pytest.fixture(scope="session")
def unit(deploy: Path) -> str:
    return (deploy / "systemd/parsekit.service").read_text()


def settings(unit: str, key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", unit, flags=re.MULTILINE)


def test_systemd_takes_every_line(analyze: str, unit: str, tmp_path: Path) -> None:
    """Its programs are not where the unit has them; everything else is as it is shipped."""
    path = tmp_path / "parsekit.service"
    path.write_text(unit.replace("/opt/parsekit/bin/parsekit", shutil.which("true") or ""))
    done = subprocess.run([analyze, "verify", path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_its_exposure_is_small(analyze: str, deploy: Path) -> None:
    threshold = f"--threshold={int(MOST_EXPOSURE * 10)}"
    path = deploy / "systemd/parsekit.service"
    command = [analyze, "security", "--offline=true", "--no-pager", threshold, path]
    environ = {**os.environ, "SYSTEMD_COLORS": "0", "LANG": "C.UTF-8"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
    assert done.returncode == 0, done.stdout[-300:]


def test_secrets_come_as_credentials(unit: str, deploy: Path) -> None:
    loaded = {line.partition(":")[0] for line in settings(unit, "LoadCredential")}
    used = {line.rpartition("/")[2] for line in settings(unit, "Environment") if "%d/" in line}
    config = json.loads((deploy / "compose/parsekit.json").read_text())
    files = {
        value.rpartition("/")[2]
        for section in config.values()
        if isinstance(section, dict)
        for key, value in section.items()
        if key.endswith("_file")
    }
    assert loaded == used == files


def test_its_home_is_its_data_folder(unit: str) -> None:
    """A dynamic user has no home of its own."""
    state = f"/var/lib/{settings(unit, 'StateDirectory')[0]}"
    assert f"HOME={state}" in settings(unit, "Environment")
    assert f"XDG_DATA_HOME={Path(state).parent}" in settings(unit, "Environment")


def test_it_may_end_in_its_own_time_and_comes_back(unit: str) -> None:
    assert settings(unit, "TimeoutStopSec") == ["40s"]
    assert settings(unit, "KillMode") == ["mixed"]
    assert settings(unit, "Restart") == ["always"]


def test_its_parsers_fit_into_its_memory(unit: str, deploy: Path) -> None:
    """docs/deployment.md has compose's configuration installed with it."""
    [command], [memory] = settings(unit, "ExecStart"), settings(unit, "MemoryMax")
    needed = most_bytes(command.split(), deploy / "compose/parsekit.json")
    assert needed <= int(memory.removesuffix("G")) << 30


def test_a_process_that_is_killed_for_its_memory_does_not_end_the_others(unit: str) -> None:
    assert settings(unit, "OOMPolicy") == ["continue"]


def test_the_sandbox_of_parsers_may_be_made(unit: str) -> None:
    allowed = " ".join(settings(unit, "SystemCallFilter")).split()
    assert {"seccomp", "landlock_create_ruleset", "landlock_restrict_self"} <= set(allowed)
