"""Signals, closed pipes and full disks in the middle of a run."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from devkit.command_line import PARSEKIT, CommandLine, end, outcomes, wait_until

Replays = Callable[..., list[Path]]


Parses = Callable[[], list[str]]


def begun(parses: Parses, name: str) -> Callable[[], bool]:
    return lambda: any(line.startswith("begin") and name in line for line in parses())


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_finishes_what_has_begun_and_begins_nothing(
    cli: CommandLine, replays: Replays, parses: Parses, number: int, code: int
) -> None:
    replays("a", "b-slow", "c", "d")
    environ = {"PARSEKIT__STUB__SLOW_S": "2"}
    process = cli.start("parse", ".", "--jobs", "1", "--format", "json", environ=environ)
    wait_until(begun(parses, "b-slow"))
    returncode, stdout, stderr = end(process, number)
    assert returncode == code
    assert [o["replay"] for o in json.loads(stdout)] == ["./a.replay", "./b-slow.replay"]
    assert b"interrupted after 2 replays" in stderr
    assert b"Traceback" not in stderr
    assert not begun(parses, "d.replay")()
    assert cli.left_in_tmp() == []


def test_a_run_without_the_cache_goes_on_from_it_all_the_same(
    cli: CommandLine, replays: Replays, parses: Parses
) -> None:
    replays("a", "b-slow", "c")
    environ = {"PARSEKIT__STUB__SLOW_S": "1"}
    process = cli.start("parse", ".", "--jobs", "1", "--no-cache", environ=environ)
    wait_until(begun(parses, "b-slow"))
    _, _, stderr = end(process)
    told = b"interrupted after 2 replays; run again without --no-cache to go on from there"
    assert told in stderr
    again = cli.run("parse", ".", "--format", "jsonl", environ=environ)
    assert [line["cached"] for line in map(json.loads, again.stdout.splitlines())] == [
        *(True, True, False)
    ]


def test_a_run_after_an_interruption_goes_on_from_the_cache(
    cli: CommandLine, replays: Replays, parses: Parses
) -> None:
    replays("a", "b-slow", "c")
    environ = {"PARSEKIT__STUB__SLOW_S": "1"}
    process = cli.start("parse", ".", "--jobs", "1", "--format", "jsonl", environ=environ)
    wait_until(begun(parses, "b-slow"))
    end(process)
    again = outcomes(cli.run("parse", ".", "--format", "jsonl").stdout)
    assert [o["cached"] for o in again] == [True, True, False]


def test_a_signal_that_the_shell_had_ignored_stays_ignored(
    cli: CommandLine, replays: Replays, parses: Parses
) -> None:
    replays("a-slow", "b")
    process = subprocess.Popen(
        ["sh", "-c", 'trap "" INT; exec "$0" "$@"', *PARSEKIT, "parse", ".", "--jobs", "1"],
        cwd=cli.folder,
        env=cli.environ(PARSEKIT__STUB__SLOW_S="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    wait_until(begun(parses, "a-slow"))
    returncode, stdout, _ = end(process)
    assert (returncode, len(stdout.splitlines())) == (0, 3)


def test_a_second_ctrl_c_ends_at_once_with_all_children(
    cli: CommandLine, replays: Replays, parses: Parses
) -> None:
    replays("slow")
    process = cli.start("parse", ".", "--no-cache")
    wait_until(begun(parses, "slow"))
    child = _children_of(process.pid)
    assert child
    process.send_signal(signal.SIGINT)
    stderr_pipe = process.stderr
    assert stderr_pipe is not None
    wait_until(lambda: b"stopping" in os.read(stderr_pipe.fileno(), 1000))
    returncode, _, stderr = end(process)
    assert returncode == -signal.SIGINT
    assert b"Traceback" not in stderr
    wait_until(lambda: not any(_alive(pid) for pid in child))


def test_a_killed_run_leaves_results_children_and_disk_in_order(
    cli: CommandLine, replays: Replays, parses: Parses
) -> None:
    replays("a", "b-slow")
    process = cli.start("parse", ".", "--jobs", "1", "--format", "jsonl")
    wait_until(begun(parses, "b-slow"))
    children = _children_of(process.pid)
    returncode, stdout, _ = end(process, signal.SIGKILL)
    assert returncode == -signal.SIGKILL
    assert len(outcomes(stdout)) == 1
    wait_until(lambda: not any(_alive(pid) for pid in children))
    again = cli.run("parse", ".", "--format", "jsonl", environ={"PARSEKIT__STUB__SLOW_S": "0"})
    assert [o["cached"] for o in outcomes(again.stdout)] == [True, False]
    assert cli.left_in_tmp() == []


def test_ctrl_c_ends_the_wait_for_standard_input(cli: CommandLine) -> None:
    process = cli.start("parse", "-", stdin=subprocess.PIPE)
    wait_until(lambda: bool(cli.left_in_tmp()))
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130
    process.communicate()
    assert cli.left_in_tmp() == []


@pytest.mark.parametrize("kind", ["table", "json", "jsonl", "csv", "parquet"])
def test_a_reader_that_goes_away_ends_the_run_without_a_word(
    cli: CommandLine, replays: Replays, parses: Parses, kind: str
) -> None:
    replays(*(f"replay-{number:02}" for number in range(12)))
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = cli.run("parse", ".", "--jobs", "1", "--format", kind, stdout=write_end)
    os.close(write_end)
    assert done.returncode == 128 + signal.SIGPIPE
    assert done.stderr == b""
    if kind in ("table", "json", "jsonl"):
        assert len(parses()) < 12


def test_a_closed_standard_output_or_error_is_no_trouble(
    cli: CommandLine, replays: Replays
) -> None:
    replays("a", "refused")
    for closed in (1, 2):
        done = cli.run("parse", ".", "--output", "out", preexec_fn=lambda fd=closed: os.close(fd))
        assert done.returncode == 1
        assert b"Traceback" not in done.stdout + done.stderr
    assert len(list((cli.folder / "out").iterdir())) == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("kind", ["table", "json", "csv", "parquet"])
def test_a_full_disk_behind_standard_output_is_told_once(
    cli: CommandLine, replays: Replays, parses: Parses, kind: str
) -> None:
    replays("a", "b")
    with Path("/dev/full").open("wb") as full:
        done = cli.run("parse", ".", "--format", kind, stdout=full)
    assert done.returncode == 1
    assert done.stderr == b"error: can't write to standard output: no space left on device\n"


def test_a_full_disk_behind_the_output_folder_fails_those_replays_and_leaves_no_halves(
    cli: CommandLine, replays: Replays, parses: Parses
) -> None:
    replays("a")
    parse = ("parse", ".", "--output", "out", "--format", "parquet")
    assert cli.run(*parse).returncode == 0
    replays("b")
    assert cli.run("parse", ".").returncode == 0
    before = {file: file.read_bytes() for file in (cli.folder / "out").iterdir()}
    no_halves_of_bytecode_either = {"PYTHONDONTWRITEBYTECODE": "1"}
    done = cli.run(*parse, environ=no_halves_of_bytecode_either, preexec_fn=_limit_file_size)
    assert done.returncode == 1
    assert done.stderr.count(b"file too large") == 2
    assert b"2 failed" in done.stderr
    assert {file: file.read_bytes() for file in (cli.folder / "out").iterdir()} == before


def test_a_read_only_output_folder_is_refused_before_any_parse(
    cli: CommandLine, replays: Replays, parses: Parses
) -> None:
    replays("a")
    done = cli.run("parse", ".", "--output", "/proc/parsekit")
    assert done.returncode == 2
    assert b"--output /proc/parsekit" in done.stderr
    assert parses() == []


def _limit_file_size() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))


def _children_of(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
