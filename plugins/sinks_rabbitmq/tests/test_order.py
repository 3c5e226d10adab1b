"""Progress never falls, though one process tells the beginning of a task and another its end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from devkit.servers.proxy import FaultProxy, Refuse
from parsekit import JsonObject
from parsekit.events import COMPLETE, FETCHING, STARTED
from parsekit.testing.sinks import outcome_of, progress
from parsekit_sinks_rabbitmq import plugin

from .conftest import Caller, Sinks, until

TASK = outcome_of("wanderer")


@pytest.fixture
def first(detour: JsonObject, tmp_path: Path) -> Iterator[Sinks]:
    """The process that begins; its way to the broker can be cut."""
    (tmp_path / "first").mkdir()
    sinks = Sinks({"transport": detour}, tmp_path / "first")
    yield sinks
    sinks.close(0)


def begin(first: Sinks) -> None:
    """Tell the first steps; then the task waits."""
    for step in (STARTED, FETCHING):
        first.step(TASK, step, first.queue)
    first.wait(TASK, first.queue, after_s=30)


def go_on(second: Sinks) -> None:
    """Tell the rest, in another process."""
    second.step(TASK, (60, "Getting stats"), second.queue)
    end = progress(TASK, COMPLETE[0], "stored", second.queue, last=True)
    second.call("parsekit_progress", event=end)
    second.settle()


def values(caller: Caller) -> list[float]:
    return [message["progress"]["value"] for message in caller.messages_now()]


def test_steps_that_could_not_be_sent_in_time_never_follow_those_of_another_process(
    first: Sinks, sinks: Sinks, caller: Caller, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugin, "LEAVE_S", 0.3)
    with proxy.failing(Refuse()):
        begin(first)
        time.sleep(0.5)
        go_on(sinks)
    assert first.settle().progress.dropped == {"late": 2}
    assert values(caller) == [60, 100]


def test_steps_that_find_their_way_in_time_are_all_sent(
    first: Sinks, sinks: Sinks, caller: Caller, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugin, "LEAVE_S", 60)
    with proxy.failing(Refuse()):
        begin(first)
    first.settle()
    go_on(sinks)
    assert values(caller) == [10, 20, 60, 100]


def test_a_task_that_comes_back_to_the_same_process_goes_on_there(
    first: Sinks, caller: Caller, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugin, "LEAVE_S", 0)
    with proxy.failing(Refuse()):
        begin(first)
        first.step(TASK, (60, "Getting stats"), first.queue)
        until(lambda: first.counts().waiting == 3, "all to wait")
    first.settle()
    assert values(caller) == [60]
