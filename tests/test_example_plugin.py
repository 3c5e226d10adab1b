"""The worked examples of the docs: installed with pip, they take the same places as ours."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "plugins.md").read_text()
EXAMPLES = ROOT / "docs" / "examples"
SHOUT = EXAMPLES / "shout"
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which the examples are installed."""
    site = tmp_path_factory.mktemp("site")
    environ = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    install += ["--no-build-isolation", "--target", str(site), *map(str, EXAMPLES.iterdir())]
    subprocess.run(install, check=True, env=environ)
    return {**environ, "PYTHONPATH": str(site)}


@pytest.mark.parametrize(
    "file",
    [
        *("shout/shout.py", "shout/pyproject.toml", "shout/test_shout.py"),
        *("shelf/shelf.py", "shelf/test_shelf.py", "ticker/ticker.py", "ticker/test_ticker.py"),
    ],
)
def test_the_page_shows_its_files_whole(file: str):
    assert (EXAMPLES / file).read_text() in _blocks(PAGE)


@pytest.mark.parametrize("name", ["shout", "shelf", "ticker"])
def test_an_example_passes_its_kit(name: str, environ: dict[str, str], tmp_path: Path):
    folder = EXAMPLES / name
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += ["--rootdir", str(folder), str(folder / f"test_{name}.py")]
    done = _ran(command, environ, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_parser_storage_and_sinks_of_the_docs_work_together(
    environ: dict[str, str], tmp_path: Path
):
    _listener_of("composition.md", "parsekit_difference(event", tmp_path)
    both = {**environ, "PYTHONPATH": f"{environ['PYTHONPATH']}{os.pathsep}{tmp_path}"}
    _run(both, tmp_path, "-c", "a.replay", script=_WRITE)
    (tmp_path / "parsekit.json").write_text(
        json.dumps(
            {
                "parser": "shout",
                "shadow": "local",
                "storage": "shelf",
                "shelf": {"path": str(tmp_path / "shelf.sqlite")},
                "ticker": {"path": str(tmp_path / "ticks.jsonl")},
            }
        )
    )
    line = ("parse", "a.replay", "--config", "parsekit.json", "--format", "json")
    first, again = (json.loads(_run(both, tmp_path, *line).stdout)[0] for _ in range(2))
    assert (first["ok"], first["cached"], again["cached"]) == (True, False, True)
    ticks = [json.loads(tick) for tick in (tmp_path / "ticks.jsonl").read_text().splitlines()]
    assert [tick["pattern"] for tick in ticks] == ["analytics"] * 2
    listed = json.loads(_run(both, tmp_path, "plugins", "--format", "json").stdout)
    found = {each["name"]: each["error"] for each in listed}
    assert found.items() >= dict.fromkeys(("shout", "shelf", "ticker", "listening")).items()


def _listener_of(page: str, hook: str, folder: Path) -> None:
    """Install the listener of a page that implements this hook."""
    [block] = [b for b in _blocks((ROOT / "docs" / page).read_text()) if f"def {hook}" in b]
    (folder / "listening.py").write_text(block)
    known = folder / "listening-1.dist-info"
    known.mkdir()
    (known / "METADATA").write_text("Metadata-Version: 2.1\nName: listening\nVersion: 1\n")
    (known / "entry_points.txt").write_text("[parsekit]\nlistening = listening\n")


def test_it_has_at_most_fifteen_lines():
    assert len((SHOUT / "shout.py").read_text().splitlines()) <= 15


def test_it_is_listed_and_selected(environ: dict[str, str], tmp_path: Path):
    listed = _run(environ, tmp_path, "plugins")
    assert "parsekit-shout" in listed.stdout
    made = tmp_path / "grand final.replay"
    _run(environ, tmp_path, "-c", made.name, script=_WRITE)
    parsed = _run(environ, tmp_path, "parse", made.name, "--parser", "shout", "--format", "jsonl")
    assert json.loads(parsed.stdout)["data"]["title"] == "GRAND FINAL.REPLAY"


def test_three_lines_check_a_parser():
    test = SHOUT / "test_shout.py"
    assert len(test.read_text().split("\n\n\n")[1].strip().splitlines()) + 1 == 3


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
