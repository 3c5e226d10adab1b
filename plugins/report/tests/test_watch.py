"""``parsekit watch --report``: the page of a session grows with its matches."""

from __future__ import annotations

import signal
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from devkit.command_line import CommandLine, end, wait_until
from parsekit.testing import believable_match, write_replay

SERIES = "Synthetic Alpha &amp; Synthetic Bravo {}-0 Synthetic Charlie &amp; Synthetic Delta"


@pytest.fixture
def demos(tmp_path: Path) -> Path:
    folder = tmp_path / "demos"
    folder.mkdir()
    return folder


def replay(demos: Path, number: int) -> None:
    write_replay(demos / f"{number}.replay", believable_match(seed=number), frames=60)


def pages(tmp_path: Path) -> list[str]:
    return [file.read_text() for file in sorted((tmp_path / "pages").glob("session-*.html"))]


def test_the_page_of_a_session_is_written_anew_with_each_match(
    command_line: CommandLine, tmp_path: Path, demos: Path
) -> None:
    replay(demos, 1)
    process = command_line.start("watch", demos, "--report", "pages", "--format", "jsonl")
    wait_until(lambda: len(pages(tmp_path)) == 1)
    replay(demos, 2)
    wait_until(lambda: SERIES.format(2) in pages(tmp_path)[0])
    _, stdout, stderr = end(process)
    assert len(stdout.splitlines()) == 2
    assert stderr.count(b"pages/session-2026-01-02-") == 2

    process = command_line.start("watch", demos, "--report", "pages", "--format", "jsonl")
    replay(demos, 3)
    wait_until(lambda: SERIES.format(3) in pages(tmp_path)[0])
    _, stdout, _ = end(process)
    assert [b"3.replay" in line for line in stdout.splitlines()] == [True]
    assert len(pages(tmp_path)) == 1


def test_a_page_that_a_killed_watch_has_not_written_is_written_by_the_next(
    command_line: CommandLine, tmp_path: Path, demos: Path
) -> None:
    for number in (1, 2):
        replay(demos, number)
    process = command_line.start("watch", demos, "--report", "pages", "--format", "jsonl")
    wait_until(lambda: len(pages(tmp_path)) == 1)
    end(process, signal.SIGKILL)
    [record] = (tmp_path / "home/.local/share/parsekit/watch").iterdir()
    lines = record.read_bytes().splitlines(keepends=True)
    record.write_bytes(b"".join(line for line in lines if b'"page"' not in line))
    [page] = (tmp_path / "pages").glob("session-*.html")
    page.unlink()

    process = command_line.start("watch", demos, "--report", "pages", "--format", "jsonl")
    wait_until(lambda: len(pages(tmp_path)) == 1)
    _, stdout, _ = end(process)
    assert SERIES.format(2) in pages(tmp_path)[0]
    assert stdout == b""


def test_matches_of_another_evening_have_a_page_of_their_own(
    command_line: CommandLine, tmp_path: Path, demos: Path
) -> None:
    for number, evening in enumerate((2, 2, 3), start=1):
        match = replace(believable_match(seed=number), date=datetime(2026, 1, evening, 20))
        write_replay(demos / f"{number}.replay", match, frames=60)
    process = command_line.start("watch", demos, "--report", "pages")
    wait_until(lambda: len(pages(tmp_path)) == 2)
    end(process)
    first, second = pages(tmp_path)
    assert SERIES.format(2) in first
    assert "3 January 2026" in second
