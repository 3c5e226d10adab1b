"""What somebody at a terminal sees: a live bar, results above it, and no trace of it after."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from devkit.command_line import CommandLine
from devkit.terminal import ESCAPES, SHOW_CURSOR, Terminal

Replays = Callable[..., list[Path]]


@pytest.fixture
def terminal(cli: CommandLine) -> Terminal:
    return Terminal(cli)


def test_a_folder_has_a_bar_with_counts_and_the_results_above_it(
    terminal: Terminal, replays: Replays
) -> None:
    replays("a", "b", "refused", "z-slow")
    code, shown = terminal.run("parse", ".", environ={"PARSEKIT__STUB__SLOW_S": "1.5"})
    text = ESCAPES.sub("", shown)
    assert code == 1
    assert "3/4, 1 failed" in text
    assert re.search(r"\d+\.\d/s", text)
    assert "Pretending to parse" in text
    for name in ("a", "b", "z-slow"):
        assert len(re.findall(rf"3-1 .* {name}\.replay  +2026-03-10", text)) == 1
    assert text.count("error: ./refused.replay") == 1
    assert text.splitlines()[-1].startswith("4 replays in ")
    assert shown.rstrip().endswith("1 failed")
    assert SHOW_CURSOR in shown


def test_one_replay_shows_what_is_being_done_and_then_the_match(
    terminal: Terminal, replays: Replays
) -> None:
    replays("slow")
    code, shown = terminal.run("parse", "slow.replay", environ={"PARSEKIT__STUB__SLOW_S": "0.5"})
    text = ESCAPES.sub("", shown)
    assert code == 0
    assert "Pretending to parse" in text
    assert "50%" in text
    assert text.count("Grace") == 1


def test_teams_have_their_colours_unless_somebody_wants_none(
    terminal: Terminal, replays: Replays
) -> None:
    replays("a")
    _, shown = terminal.run("parse", "a.replay")
    assert "\x1b[1;38;5;33mBLUE 3" in shown
    assert "\x1b[38;5;208m1 ORANGE" in shown
    _, shown = terminal.run("parse", "a.replay", environ={"NO_COLOR": "1"})
    assert "BLUE 3" in shown
    assert "38;5" not in shown


def test_results_in_a_pipe_are_clean_while_the_bar_is_on_the_terminal(
    terminal: Terminal, replays: Replays, tmp_path: Path
) -> None:
    replays("a", "b", "c")
    with (tmp_path / "results").open("wb") as file:
        code, shown = terminal.run("parse", ".", stdout=file.fileno())
    results = (tmp_path / "results").read_text()
    assert code == 0
    assert "\x1b" not in results
    assert re.findall(r"\S+\.replay", results) == ["./a.replay", "./b.replay", "./c.replay"]
    assert "/3" in ESCAPES.sub("", shown)


def test_text_for_programs_on_a_terminal_is_not_mixed_with_a_bar(
    terminal: Terminal, replays: Replays
) -> None:
    replays("a", "b")
    code, shown = terminal.run("parse", ".", "--format", "csv")
    assert code == 0
    assert "\x1b" not in shown


def test_parquet_is_not_written_to_a_terminal(terminal: Terminal, replays: Replays) -> None:
    replays("a")
    code, shown = terminal.run("parse", ".", "--format", "parquet")
    assert code == 2
    assert "redirect it to a file" in shown


def test_standard_input_is_not_awaited_from_a_keyboard(terminal: Terminal) -> None:
    code, shown = terminal.run("parse", "-")
    assert code == 2
    assert "parsekit parse - < FILE" in shown


@pytest.mark.parametrize(
    ("presses", "seconds", "code"),
    [(("Pretending",), "1", 130), (("Pretending", "stopping"), "60", -signal.SIGINT)],
)
def test_ctrl_c_gives_the_cursor_back(
    terminal: Terminal, replays: Replays, presses: tuple[str, ...], seconds: str, code: int
) -> None:
    replays("slow", "slow2", "slow3")
    environ = {"PARSEKIT__STUB__SLOW_S": seconds}
    ended, shown = terminal.run(
        "parse", ".", "--jobs", "1", press_ctrl_c_at=presses, environ=environ
    )
    assert ended == code
    assert shown.rfind(SHOW_CURSOR) > shown.rfind("\x1b[?25l")
    assert "Traceback" not in shown
    assert "^C" not in shown
    assert "\r\x1b[2Kstopping: " in shown, "in the place of the bar, which leaves no line"


def test_hostile_names_are_harmless_on_a_terminal(terminal: Terminal, replays: Replays) -> None:
    replays("hostile")
    (terminal.cli.folder / "\x1b[2J\x07evil.replay").write_bytes(b"x")
    code, shown = terminal.run("parse", ".")
    assert code == 1
    assert "\x1b[2J" not in shown
    assert "\\x1b[2J\\x07evil" in shown
    one = terminal.run("parse", "hostile.replay")[1]
    assert "\x1b[2J" not in one
    assert "\x9b" not in one
