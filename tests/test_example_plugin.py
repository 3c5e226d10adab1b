"""The worked example of the docs: one file, installed with pip, takes the same place as ours."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "plugins.md").read_text()
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


@pytest.mark.parametrize("name", ["shout.py", "pyproject.toml", "test_shout.py"])
def test_the_page_shows_its_files_whole(name: str):
    assert (EXAMPLE / name).read_text() in _blocks(PAGE)


def test_a_listener_of_the_docs_leaves_results_alone(environ: dict[str, str], tmp_path: Path):
    named = {"telling": "parsekit_progress(event", "comparing": "parsekit_difference(event"}
    blocks = [*_blocks(PAGE), *_blocks((ROOT / "docs" / "composition.md").read_text())]
    for name, hook in named.items():
        [block] = [block for block in blocks if f"def {hook}" in block]
        (tmp_path / f"{name}.py").write_text(block)
    known = tmp_path / "listening-1.dist-info"
    known.mkdir()
    (known / "METADATA").write_text("Metadata-Version: 2.1\nName: listening\nVersion: 1\n")
    points = [f"{name} = {name}" for name in named]
    (known / "entry_points.txt").write_text("\n".join(["[parsekit]", *points]))
    both = {**environ, "PYTHONPATH": f"{environ['PYTHONPATH']}{os.pathsep}{tmp_path}"}
    _run(both, tmp_path, "-c", "a.replay", script=_WRITE)
    shadowed = {**both, "PARSEKIT__SHADOW": "local"}
    parsed = _run(shadowed, tmp_path, "parse", "a.replay", "--parser", "shout", "--format", "json")
    assert [each["ok"] for each in json.loads(parsed.stdout)] == [True]
    listed = json.loads(_run(both, tmp_path, "plugins", "--format", "json").stdout)
    assert {each["name"]: each["error"] for each in listed}.items() >= dict.fromkeys(named).items()


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


def _blocks(page: str) -> list[str]:
    return re.findall(r"^```(?:python|toml)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


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
