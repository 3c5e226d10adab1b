"""``parsekit report`` as a command: what it writes, says, and ends with."""

from __future__ import annotations

from pathlib import Path

import pytest

from devkit.command_line import CommandLine
from parsekit.testing import believable_match, write_replay


def test_a_bad_replay_does_not_stop_the_others_and_is_named(
    command_line: CommandLine, tmp_path: Path
) -> None:
    folder = tmp_path / "season"
    folder.mkdir()
    for seed in (1, 2):
        write_replay(folder / f"{seed}.replay", believable_match(seed=seed), frames=60)
    (folder / "bad\x1b[31m.replay").write_bytes(b"nonsense")
    done = command_line.run("report", folder, "-o", tmp_path / "season.html")
    assert done.returncode == 1
    assert b"bad\\x1b[31m.replay" in done.stderr
    assert b"\x1b" not in done.stderr
    assert b"season.html: " in done.stderr
    assert "2 matches" in (tmp_path / "season.html").read_text()


def test_without_a_replay_no_page_is_written(command_line: CommandLine, tmp_path: Path) -> None:
    write_replay(tmp_path / "one.replay", believable_match(), frames=0)
    done = command_line.run("report", "one.replay", "--player", "nobody", "-o", "page.html")
    assert done.returncode == 1
    assert b"no page was written: there is no replay with a player 'nobody'" in done.stderr
    assert not (tmp_path / "page.html").exists()


def test_a_page_that_cannot_be_written_is_a_mistake_in_words(
    command_line: CommandLine, tmp_path: Path
) -> None:
    write_replay(tmp_path / "one.replay", believable_match(), frames=0)
    done = command_line.run("report", "one.replay", "-o", "nowhere/page.html")
    assert done.returncode == 2
    assert b"--output nowhere/page.html can't be written: No such file or directory" in done.stderr


def test_a_page_that_cannot_be_written_is_named_before_any_replay_is_parsed(
    command_line: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "bad.replay").write_bytes(b"nonsense")
    done = command_line.run("report", "bad.replay", "-o", "nowhere/page.html")
    assert done.returncode == 2
    assert b"bad.replay" not in done.stderr


@pytest.mark.parametrize("last", ["0", "-1"])
def test_the_last_matches_are_one_at_least(
    command_line: CommandLine, tmp_path: Path, last: str
) -> None:
    write_replay(tmp_path / "one.replay", believable_match(), frames=0)
    done = command_line.run("report", "one.replay", "--last", last, "-o", "page.html")
    assert done.returncode == 2
    assert f"--last {last}".encode() in done.stderr
    assert not (tmp_path / "page.html").exists()
