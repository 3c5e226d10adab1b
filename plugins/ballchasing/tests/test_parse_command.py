"""``parsekit parse --parser ballchasing``: many replays at once, and what is remembered."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from devkit.command_line import CommandLine, outcomes
from parsekit.testing import believable_match, write_replay
from parsekit_ballchasing.simulator import Simulator, SiteOptions

from .conftest import calls

#: How long a replay stays pending: longer than it takes to upload all.
PENDING_S = 6.0
REPLAYS = 5


@pytest.fixture
def live() -> Simulator:
    """A sandbox in real time, as the command lives in it."""
    return Simulator(SiteOptions(tier="gc", pending_s=(PENDING_S, PENDING_S), day=-1, week=-1))


@pytest.fixture
def cli(tmp_path: Path, token_file: Path, live: Simulator) -> CommandLine:
    folder, home = tmp_path / "work", tmp_path / "home"
    folder.mkdir()
    (home / "tmp").mkdir(parents=True)
    for number in range(REPLAYS):
        match = believable_match(seed=number, team_size=1)
        write_replay(folder / f"{number}.replay", match, frames=0)
    config = home / "parsekit.json"
    settings = {"url": live.url, "token_file": str(token_file)}
    config.write_text(json.dumps({"parser": "ballchasing", "ballchasing": settings}))
    return CommandLine(folder=folder, home=home, settings={"PARSEKIT_CONFIG": str(config)})


def test_uploads_all_before_the_first_is_ready_and_remembers_how_long_that_takes(
    cli: CommandLine, live: Simulator
) -> None:
    with live:
        done = cli.run("parse", ".", "--format", "jsonl")
    assert [outcome["ok"] for outcome in outcomes(done.stdout)] == [True] * REPLAYS
    uploads = calls(live, "upload")
    assert uploads[-1] < uploads[0] + PENDING_S
    (learned,) = cli.home.rglob("ballchasing/*.json")
    assert json.loads(learned.read_text())["replays"] >= REPLAYS
