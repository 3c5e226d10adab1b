from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from parsekit.testing.replays.file import believable_match, write_replay

pytestmark = pytest.mark.processes

SCRIPT = Path(__file__).parents[2] / "scripts/demo.py"

Demo = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    """Where the demo finds its temporary folder, and must leave nothing."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    return folder


@pytest.fixture
def world(tmp_path: Path, temporary: Path) -> dict[str, str]:
    """Environment of a user with an empty home."""
    home = tmp_path / "home"
    home.mkdir()
    world = os.environ | {"TMPDIR": str(temporary), "HOME": str(home), "COLUMNS": "120"}
    world.pop("XDG_DATA_HOME", None)
    return world


@pytest.fixture
def demo(tmp_path: Path, temporary: Path, world: dict[str, str]) -> Demo:
    def run(*arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(SCRIPT), *arguments]
        result = subprocess.run(
            command, env=world | extra, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert list(temporary.iterdir()) == []
        assert list((tmp_path / "home").iterdir()) == []
        return result

    return run


def test_without_a_replay_an_invented_match_is_shown_and_said_to_be(demo: Demo) -> None:
    result = demo()
    assert result.returncode == 0, result.stderr
    assert "SYNTHETIC" in result.stdout
    for _, player in believable_match().players():
        assert player.name in result.stdout


def test_it_ends_by_naming_the_page_that_it_wrote(demo: Demo, tmp_path: Path) -> None:
    result = demo()
    assert "build/demo.html" in result.stderr.splitlines()[-1]
    assert "Synthetic Alpha" in (tmp_path / "build/demo.html").read_text()


def test_a_replay_of_any_name_is_shown(demo: Demo, tmp_path: Path) -> None:
    match = believable_match(seed=8, team_size=1)
    write_replay(tmp_path / "--my best ⚽ 'match'.replay", match, frames=100)
    result = demo("--my best ⚽ 'match'.replay")
    assert result.returncode == 0, result.stderr
    assert "SYNTHETIC" not in result.stdout
    assert match.blue[0].name in result.stdout


def test_the_exit_code_is_that_of_the_command(demo: Demo) -> None:
    result = demo("no such file.replay")
    assert result.returncode == 1
    assert "Traceback" not in result.stderr


def test_the_users_settings_play_no_part(demo: Demo, tmp_path: Path) -> None:
    settings = tmp_path / "config/parsekit/parsekit.json"
    settings.parent.mkdir(parents=True)
    settings.write_text('{"parser": "nonsense"}')
    broken = {
        "PARSEKIT_CONFIG": "/nowhere.json",
        "PARSEKIT__PARSER": "nonsense",
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
    }
    assert demo(**broken).returncode == 0


def test_ctrl_c_ends_it_cleanly(tmp_path: Path, temporary: Path, world: dict[str, str]) -> None:
    path = write_replay(tmp_path / "long.replay", believable_match(team_size=4), frames=9000)
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), str(path)],
        env=world,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    settings_only = 3  # two folders and parsekit.json, until the command works there too
    while process.poll() is None and len(list(temporary.rglob("*"))) <= settings_only:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert list(temporary.iterdir()) == []
