"""A command line whose parser is steered by the names of replays: plugins/parsekit_stub.py."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from devkit.command_line import CommandLine
from parsekit.testing.replays.file import believable_match, write_replay

PLUGINS = Path(__file__).parent / "plugins"


@pytest.fixture
def cli(tmp_path: Path) -> CommandLine:
    folder, home = tmp_path / "work", tmp_path / "home"
    folder.mkdir()
    (home / "tmp").mkdir(parents=True)
    settings = {
        "PYTHONPATH": str(PLUGINS),
        "PARSEKIT_PLUGINS": "stub",
        "PARSEKIT__PARSER": "stub",
        "PARSEKIT__STUB__LOG": str(home / "parses.log"),
    }
    return CommandLine(folder=folder, home=home, settings=settings)


@pytest.fixture
def parses(cli: CommandLine) -> Callable[[], list[str]]:
    """What the stub wrote down so far: ``begin NAME``, a line a parse."""
    log = cli.home / "parses.log"
    return lambda: log.read_text().splitlines() if log.exists() else []


@pytest.fixture
def replays(cli: CommandLine) -> Callable[..., list[Path]]:
    """``replays("a", "sub/b")`` writes replays of different matches below the current folder."""

    def write(*names: str) -> list[Path]:
        return [_written(cli.folder / f"{name}.replay") for name in names]

    return write


def _written(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    seed = zlib.crc32(path.name.encode())
    return write_replay(path, believable_match(seed=seed, team_size=1), frames=0)
