"""The worked example of the docs: one file, installed with pip, takes the same place as ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "docs" / "examples" / "shout"
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which the example is installed."""
    site = tmp_path_factory.mktemp("site")
    environ = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    install += ["--no-build-isolation", "--target", str(site), str(EXAMPLE)]
    subprocess.run(install, check=True, env=environ)
    return {**environ, "PYTHONPATH": str(site)}


def test_it_has_at_most_fifteen_lines():
    assert len((EXAMPLE / "shout.py").read_text().splitlines()) <= 15


def test_it_is_listed_and_selected(environ: dict[str, str], tmp_path: Path):
    listed = _run(environ, tmp_path, "plugins")
    assert "parsekit-shout" in listed.stdout
    made = tmp_path / "grand final.replay"
    _run(environ, tmp_path, "-c", made.name, script=_WRITE)
    parsed = _run(environ, tmp_path, "parse", made.name, "--parser", "shout", "--format", "jsonl")
    assert json.loads(parsed.stdout)["data"]["title"] == "GRAND FINAL.REPLAY"


def test_it_passes_the_conformance_kit_in_three_lines(environ: dict[str, str], tmp_path: Path):
    test = EXAMPLE / "test_shout.py"
    assert len(test.read_text().split("\n\n\n")[1].strip().splitlines()) + 1 == 3
    command = [sys.executable, "-m", "pytest", "-q", "--rootdir", str(EXAMPLE), str(test)]
    done = _ran(command, environ, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


_WRITE = """
import sys
from pathlib import Path
from parsekit.testing import write_replay
write_replay(Path(sys.argv[2]))
"""


def _ran(
    command: list[str], environ: dict[str, str], folder: Path
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, check=False, env=environ, cwd=folder, capture_output=True, text=True
    )


def _run(
    environ: dict[str, str], folder: Path, *args: str, script: str = ""
) -> subprocess.CompletedProcess[str]:
    home = {**environ, "XDG_DATA_HOME": str(folder / "data")}
    start = [sys.executable, "-c", script] if script else [str(BIN / "parsekit")]
    done = _ran([*start, *args], home, folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return done
