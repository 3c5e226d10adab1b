"""A parse that is broken off leaves nothing behind for the one after it, on one open pipeline."""

from __future__ import annotations

import contextlib
import json
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parsekit.api import open_pipeline, open_session
from parsekit.host.host import Host
from parsekit.model import Outcome, Request
from parsekit.pipeline.drive import drive
from parsekit.pipeline.pipeline import Pipeline
from parsekit.testing.replays.file import believable_match, write_replay

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("replays")
    for seed, name in enumerate(("long", "short")):
        match = replace(believable_match(seed=seed), title=name)
        write_replay(folder / f"{name}.replay", match, frames=600 if name == "long" else 60)
    return folder


@pytest.fixture(scope="module")
def pipeline(folder: Path) -> Iterator[Pipeline]:
    config = folder / "parsekit.json"
    config.write_text(json.dumps({"disableCache": True}))
    host = Host.load()
    session = open_session(config, host=host, role="cli", data_dir=folder / "data")
    with open_pipeline(session, host) as pipeline:
        yield pipeline


def parsed(pipeline: Pipeline, path: Path, task_id: str) -> Outcome:
    return drive(pipeline, Request(replay=str(path), task_id=task_id, place="local"))


def title(outcome: Outcome) -> str:
    assert outcome.ok, outcome.failure
    assert outcome.data is not None
    return str(outcome.data["title"])


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


@settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=[*HealthCheck])
@given(after_s=st.floats(0.001, 0.5))
def test_after_ctrl_c_at_any_moment_each_replay_gets_its_own_statistics(
    pipeline: Pipeline, folder: Path, after_s: float
) -> None:
    previous = signal.signal(signal.SIGALRM, interrupt)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            signal.setitimer(signal.ITIMER_REAL, after_s)
            assert title(parsed(pipeline, folder / "long.replay", f"long {after_s}")) == "long"
        signal.setitimer(signal.ITIMER_REAL, 0)
        for name in ("short", "long"):
            task_id = f"{name} after {after_s}"
            assert title(parsed(pipeline, folder / f"{name}.replay", task_id)) == name
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def test_another_task_may_parse_a_replay_whose_parse_was_broken_off(bench) -> None:
    bench.script.steps = [KeyboardInterrupt()]
    pipeline = bench.pipeline()
    with pytest.raises(KeyboardInterrupt):
        pipeline.run(bench.request())
    other = replace(bench.request(), task_id="another")
    assert isinstance(answer := pipeline.run(other), Outcome)
    assert answer.ok
