"""Console lines, programs and configurations of the docs do what their pages say.

A page's blocks run in their order, in one folder with replays, as a user would run them. A comment
before a block says why it can't be run so, or which test runs it.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import certifi
import pytest

from parsekit.config import load_config
from parsekit.host.host import Host
from parsekit.testing import believable_match, write_replay
from parsekit.testing.replays.match import Match

from .blocks import BESIDE, NOT_RUN, PAGES, REFERENCE, ROOT, RUN_BY, SHOWN, UNTIL, Block, blocks

PROGRAMS = {"console", "python", "sh", "js"}
RUNNING = [page for page in PAGES if any(b.language in PROGRAMS for b in blocks(page))]
ALL = [block for page in PAGES for block in blocks(page)]
CONFIGURATIONS = [
    block
    for page in (*PAGES, *REFERENCE)
    for block in blocks(page)
    if block.language == "json" and not block.note.startswith(SHOWN)
]
#: Seconds that no command of the docs takes, on a machine that is busy.
LIMIT_S = 240
#: What a service says when others may use it.
READY = b" ready."
#: Replays that the pages speak of, and places of a user's home.
REPLAYS = (
    *("final.replay", "match.replay", "season/one.replay", "season/two.replay"),
    *("semi-final/one.replay", "semi-final/two.replay", "replays/one.replay"),
    *("home/replays/one.replay", "home/Demos/one.replay"),
)
_FILE = re.compile(r'"(/(?:etc/parsekit|run/secrets|var/log|srv)/[^"]+)"')


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with all the replays that the pages speak of."""
    for number, name in enumerate(REPLAYS):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        write_replay(tmp_path / name, _match_of_ann(seed=number % 3), frames=60)
    return tmp_path


def _match_of_ann(seed: int) -> Match:
    """A match of the player that the pages name."""
    match = believable_match(seed=seed)
    first, *others = match.blue
    goals = [replace(g, scorer="Ann") if g.scorer == first.name else g for g in match.goals]
    return replace(match, blue=(replace(first, name="Ann"), *others), goals=tuple(goals))


@pytest.mark.parametrize("page", RUNNING, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_runs_as_it_stands(page: Path, folder: Path) -> None:
    waiting: list[Block] = []
    for block in blocks(page):
        if block.language not in PROGRAMS or block.is_left_out:
            continue
        if block.note == BESIDE:
            waiting.append(block)
        elif waiting:
            with _running(waiting.pop(), folder):
                _run(block, folder)
        elif block.note == UNTIL:
            for command in block.commands().splitlines():
                _end_by_ctrl_c(block, command, folder)
        else:
            _run(block, folder)
    assert not waiting, f"{waiting[0]} has no block beside it"


def _environ(folder: Path) -> dict[str, str]:
    """Nothing of this machine but its programs, ours first."""
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {"PATH": programs, "HOME": str(folder / "home"), "LANG": "C.UTF-8"}


def _command(block: Block) -> list[str]:
    if block.language == "python":
        return [sys.executable, "-c", block.text]
    return ["bash", "-e", "-o", "pipefail", "-c", block.commands()]


def _run(block: Block, folder: Path) -> None:
    done = subprocess.run(
        _command(block),
        cwd=folder,
        env=_environ(folder),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, f"{block}:\n{block.text}\n{done.stdout}{done.stderr}"


@contextmanager
def _running(block: Block, folder: Path) -> Iterator[None]:
    """Run a service beside what follows, and end it by Ctrl-C as its user does."""
    with _started(block, block.commands(), folder) as process:
        _await(READY, process, block, folder)
        yield
        assert process.poll() is None, f"{block} has ended by itself"
        assert _ended(process) in (0, 130), str(block)


def _end_by_ctrl_c(block: Block, command: str, folder: Path) -> None:
    """Run one line that goes on for ever, until it has said something."""
    with _started(block, command, folder) as process:
        _await(b"", process, block, folder)
        assert _ended(process) in (0, 130), f"{block}: {command}"


def _await(word: bytes, process: subprocess.Popen[bytes], block: Block, folder: Path) -> None:
    """Wait until the command has said something, with this word in it."""
    end_s = time.monotonic() + LIMIT_S
    while not (said := (folder / "said").read_bytes()) or word not in said:
        assert process.poll() is None, f"{block} has ended by itself: {said!r}"
        assert time.monotonic() < end_s, f"{block} does not say {word!r}, but {said!r}"
        time.sleep(0.05)


@contextmanager
def _started(block: Block, command: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(
            ["bash", "-c", command],
            cwd=folder,
            env=_environ(folder),
            stdin=subprocess.DEVNULL,
            stderr=said,
            stdout=said,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _ended(process: subprocess.Popen[bytes]) -> int:
    os.killpg(process.pid, signal.SIGINT)
    return process.wait(LIMIT_S)


@pytest.mark.parametrize("block", CONFIGURATIONS, ids=str)
def test_a_configuration_is_valid(block: Block, tmp_path: Path) -> None:
    text = block.text
    for number, name in enumerate(dict.fromkeys(_FILE.findall(text))):
        file = tmp_path / f"{number}{Path(name).suffix}"
        if name.endswith(".pem"):
            file.write_bytes(Path(certifi.where()).read_bytes())
        elif not name.endswith(".jsonl"):
            file.write_text("redis://redis:6379/0")  # of URLs, which are read at once
        text = text.replace(name, str(file))
    (tmp_path / "parsekit.json").write_text(text)
    load_config(tmp_path / "parsekit.json", plugin_sections=Host.load().sections, environ={})


def test_every_block_says_what_it_is() -> None:
    known = {*PROGRAMS, "json", "toml", "yaml", "text", "{toctree}"}
    assert [f"{block} {block.language}" for block in ALL if block.language not in known] == []


def test_a_block_that_is_not_run_says_why_or_who_runs_it() -> None:
    for block in ALL:
        if block.note.startswith(NOT_RUN):
            assert len(block.note) > len(NOT_RUN) + 10, str(block)
        if block.note.startswith(RUN_BY):
            named = ROOT / block.note.removeprefix(RUN_BY)
            assert named.is_file(), f"{block} names {named}"
            assert block.page.name in named.read_text(), f"{named} does not read {block.page.name}"
