"""``parsekit watch``: what comes into a folder is done once, whatever ends the watch."""

from __future__ import annotations

import json
import shutil
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from devkit.command_line import CommandLine, end, outcomes, wait_until
from parsekit.testing import believable_match, write_replay

Replays = Callable[..., list[Path]]
Parses = Callable[[], list[str]]


def recorded(cli: CommandLine) -> list[str]:
    """Names of the replays that the watch has noted as done, in their order."""
    files = sorted((cli.home / ".local/share/parsekit/watch").glob("*.jsonl"))
    lines = [line for file in files for line in file.read_bytes().splitlines()]
    return [Path(json.loads(line)["replay"]).stem for line in lines]


def wait_for(cli: CommandLine, *names: str) -> None:
    wait_until(lambda: set(names) <= set(recorded(cli)))


def names(stdout: bytes) -> list[str]:
    return [Path(line["replay"]).stem for line in outcomes(stdout)]


@pytest.fixture
def demos(cli: CommandLine) -> Path:
    folder = cli.folder / "Demos"
    folder.mkdir()
    return folder


def test_what_is_there_is_done_first_and_then_what_comes(
    cli: CommandLine, replays: Replays, demos: Path
) -> None:
    replays("Demos/a", "Demos/sub/b")
    process = cli.start("watch", demos, "--format", "jsonl")
    wait_for(cli, "a", "b")
    replays("Demos/c")
    wait_for(cli, "c")
    code, stdout, stderr = end(process, signal.SIGINT)
    assert code == 130
    assert sorted(names(stdout)) == ["a", "b", "c"]
    assert b"watching " in stderr
    assert b"3 replays in" in stderr
    assert b"Traceback" not in stderr


def test_a_copy_and_what_was_done_before_a_restart_are_not_done_again(
    cli: CommandLine, replays: Replays, demos: Path
) -> None:
    first, _ = replays("Demos/a", "Demos/b")
    process = cli.start("watch", demos, "--format", "jsonl")
    wait_for(cli, "a", "b")
    code, stdout, _ = end(process, signal.SIGTERM)
    assert code == 0
    assert sorted(names(stdout)) == ["a", "b"]

    shutil.copy(first, demos / "copy.replay")
    process = cli.start("watch", demos, "--format", "jsonl")
    replays("Demos/z")
    wait_for(cli, "z")
    _, stdout, _ = end(process, signal.SIGTERM)
    assert names(stdout) == ["z"]


def test_a_file_of_the_same_name_with_another_match_is_done(
    cli: CommandLine, replays: Replays, demos: Path
) -> None:
    [first] = replays("Demos/a")
    process = cli.start("watch", demos, "--format", "jsonl")
    wait_for(cli, "a")
    write_replay(first, believable_match(seed=99, team_size=1), frames=0)
    wait_until(lambda: recorded(cli) == ["a", "a"])
    _, stdout, _ = end(process)
    assert len({line["hash"] for line in outcomes(stdout)}) == 2


def test_a_replay_that_is_being_written_is_left_until_it_is_whole(
    cli: CommandLine, replays: Replays, parses: Parses, demos: Path
) -> None:
    [made] = replays("made")
    content = made.read_bytes()
    with (demos / "growing.replay").open("wb") as growing:
        growing.write(content[: len(content) // 2])
        growing.flush()
        process = cli.start("watch", demos, "--format", "jsonl")
        replays("Demos/whole")
        wait_for(cli, "whole")
        assert not any("growing" in line for line in parses())
        growing.write(content[len(content) // 2 :])
    wait_for(cli, "growing")
    _, stdout, _ = end(process)
    assert [(Path(line["replay"]).stem, line["ok"]) for line in outcomes(stdout)] == [
        ("whole", True),
        ("growing", True),
    ]


def test_a_kill_in_the_middle_loses_nothing_and_does_nothing_twice(
    cli: CommandLine, replays: Replays, parses: Parses, demos: Path
) -> None:
    replays(*[f"Demos/{number}" for number in range(6)], "Demos/slow")
    environ = {"PARSEKIT__STUB__SLOW_S": "2"}
    process = cli.start("watch", demos, "-f", "jsonl", "-o", "results", environ=environ)
    wait_until(lambda: any("slow" in line for line in parses()))
    _, before, _ = end(process, signal.SIGKILL)
    done_before = recorded(cli)
    process = cli.start("watch", demos, "-f", "jsonl", "-o", "results", environ=environ)
    wait_for(cli, "slow")
    replays("Demos/last")
    wait_for(cli, "last")
    _, after, _ = end(process)
    assert before == after == b""
    written = [line.read_bytes() for line in (cli.folder / "results").iterdir()]
    done = Counter(names(b"".join(written)))
    assert done == Counter([*map(str, range(6)), "slow", "last"])
    assert Counter(recorded(cli)) == done
    assert len(done_before) >= 4  # two may have been under way
    begun = Counter(Path(line).stem for line in parses())
    assert all(begun[name] == 1 for name in done_before)


def test_the_folder_of_the_game_is_found_where_proton_has_it(
    cli: CommandLine, replays: Replays
) -> None:
    prefix = ".local/share/Steam/steamapps/compatdata/252950/pfx/drive_c/users/steamuser"
    game = cli.home / prefix / "Documents/My Games/Rocket League/TAGame/Demos"
    game.mkdir(parents=True)
    [made] = replays("made")
    process = cli.start("watch", "--format", "jsonl")
    shutil.copy(made, game / "first.replay")
    wait_for(cli, "first")
    _, stdout, stderr = end(process)
    assert names(stdout) == ["first"]
    assert str(game).encode() in stderr


def test_without_a_folder_of_the_game_one_is_asked_for(cli: CommandLine) -> None:
    done = cli.run("watch")
    assert done.returncode == 2
    assert b"name one: parsekit watch FOLDER" in done.stderr


def test_what_is_no_folder_is_a_mistake_in_words(cli: CommandLine, replays: Replays) -> None:
    replays("a")
    done = cli.run("watch", "a.replay")
    assert done.returncode == 2
    assert b"error: a.replay is no folder" in done.stderr


def test_a_second_watch_of_the_same_ends_at_once(
    cli: CommandLine, replays: Replays, demos: Path
) -> None:
    replays("Demos/a")
    process = cli.start("watch", demos)
    wait_for(cli, "a")
    done = cli.run("watch", "Demos")
    assert done.returncode == 2
    assert b"another parsekit watch does the same" in done.stderr
    end(process)


def test_without_a_plugin_that_writes_pages_the_option_says_what_brings_one(
    cli: CommandLine, demos: Path
) -> None:
    done = cli.run("watch", demos, "--report", "pages")
    assert done.returncode == 2
    assert b"pip install parsekit-report" in done.stderr
