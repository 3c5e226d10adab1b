"""What `parsekit top` makes of announcements, of which any may be odd."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import redis

from devkit.servers.valkey import ValkeyServer
from parsekit import Metric
from parsekit.worker.monitoring.announcement import Announcement, MetricsSnapshot
from parsekit.worker.monitoring.status_channel import StatusChannel
from parsekit.worker.monitoring.top import snapshot_of
from parsekit.worker.monitoring.waits import Wait
from parsekit.worker.redis import keys


def said(worker: str, *metrics: Metric) -> Announcement:
    tasks = Metric(
        name="parsekit_tasks_total",
        help="Tasks.",
        kind="counter",
        value=3,
        labels={"outcome": "parsed", "code": "", "parser": "fake"},
    )
    wait = Wait(task_id=worker, replay="half a pair \ud800", reason="remote", until_unix=5.0)
    return Announcement(
        worker=worker,
        at_unix=1.0,
        pool="thread",
        parser="fake",
        queues=("replay-parse",),
        tasks_per_minute=1.0,
        snapshot=MetricsSnapshot(metrics=(tasks, *metrics), waits=(wait,)),
    )


@pytest.fixture
def board(redis_server: ValkeyServer, redis_client: redis.Redis) -> StatusChannel:
    """With two workers that speak well."""
    made = StatusChannel(redis_server.url())
    for worker in ("well-a", "well-b"):
        redis_client.zadd(keys.BEATS, {worker: 1})
        made.publish(said(worker))
    return made


def hear(client: redis.Redis, text: str) -> None:
    client.zadd(keys.BEATS, {"odd": 1})
    client.set(keys.announcement("odd"), text)


def changed(change: Callable[[dict[str, Any]], object]) -> str:
    document = json.loads(said("odd").to_text())
    change(document)
    return json.dumps(document)


@pytest.mark.parametrize(
    "text",
    [
        '"x"',
        "1",
        "null",
        "[]",
        "{}",
        "no JSON",
        "[" * 100_000,
        changed(lambda said: said.update(worker=1)),
        changed(lambda said: said.update(queues=None)),
        changed(lambda said: said.update(tasks_per_minute="many")),
        changed(lambda said: said.update(snapshot=[])),
        changed(lambda said: said["snapshot"]["metrics"].append(None)),
        changed(lambda said: said["snapshot"]["metrics"][0].update(labels=None)),
        changed(lambda said: said["snapshot"]["metrics"][0].update(labels={"outcome": []})),
        changed(lambda said: said["snapshot"]["metrics"][0].update(value="many")),
        changed(lambda said: said["snapshot"]["metrics"][0].pop("value")),
        changed(lambda said: said["snapshot"]["waits"][0].update(until_unix=None)),
    ],
)
def test_an_odd_announcement_hides_no_other(board, redis_client, text):
    hear(redis_client, text)
    shown = snapshot_of(board.read())
    assert [worker.name for worker in shown.workers] == ["well-a", "well-b"]
    assert [worker.tasks for worker in shown.workers] == [3, 3]
    assert len(shown.waits) == 2


@pytest.mark.parametrize(
    "text",
    [
        changed(lambda said: said.update(mood="fine")),
        changed(lambda said: said["snapshot"].update(moods=[])),
        changed(lambda said: said["snapshot"]["metrics"][0].update(unit="tasks")),
        changed(lambda said: said["snapshot"]["metrics"][0]["labels"].pop("outcome")),
        changed(lambda said: said["snapshot"]["metrics"][0]["labels"].update(outcome="new")),
        changed(lambda said: said["snapshot"]["waits"][0].update(parser="fake")),
    ],
)
def test_a_worker_of_a_newer_version_is_shown(board, redis_client, text):
    hear(redis_client, text)
    shown = snapshot_of(board.read())
    assert [worker.name for worker in shown.workers] == ["odd", "well-a", "well-b"]
    assert [worker.tasks for worker in shown.workers] == [3, 3, 3]


def test_what_is_said_is_heard(board):
    assert board.read() == [said("well-a"), said("well-b")]


def test_a_number_that_is_none_hides_no_worker(board):
    slots = Metric(name="parsekit_slots", help="Slots.", value=float("nan"))
    board.publish(said("well-a", slots))
    assert [worker.slots for worker in snapshot_of(board.read()).workers] == [0, 0]


def test_a_truth_value_is_a_number(board):
    board.publish(said("well-a", Metric(name="parsekit_up", help="Up.", value=True)))
    assert [fact.value for fact in snapshot_of(board.read()).facts] == [1.0]
