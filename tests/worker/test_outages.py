"""RabbitMQ frozen, the store gone: a deployment goes on, and tells all of it in the end."""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from celery.result import AsyncResult

from devkit.deployment import poll
from devkit.production import Production
from devkit.servers.proxy import FaultProxy, Freeze, fault_proxy
from devkit.servers.seaweedfs import BUCKET, SeaweedServer, seaweedfs
from parsekit.model import JsonObject
from parsekit.testing import believable_match, synthetic_replay
from parsekit_sinks_rabbitmq.connection import LARGEST_BATCH

PLUGINS = Path(__file__).parent / "plugins"
#: Longer than the sinks wait for a confirmation, so that they give the connection up.
FROZEN_S = 12.0
STORE_AWAY_S = 10.0
#: A repeat may come after all else.
LAST_REPEAT_S = 2.0


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedServer]:
    with seaweedfs(tmp_path_factory.mktemp("seaweedfs")) as server:
        yield server


@pytest.fixture
def broker(rabbitmq) -> Iterator[FaultProxy]:
    """How the workers reach the RabbitMQ of this run, which others use too."""
    with fault_proxy(rabbitmq.port) as proxy:
        yield proxy


@pytest.fixture
def production(
    tmp_path, redis_server, redis_client, rabbitmq, broker, store, recent_body
) -> Iterator[Production]:
    """A remote parser that answers a real body under the name that callers know."""
    remote = tmp_path / "remote"
    remote.mkdir()
    (remote / "body").write_text(json.dumps(recent_body))
    url = redis_server.url()
    made = Production(
        tmp_path,
        {"parser": "fake", "answer_as": "ballchasing", "celery": {"broker": url, "backend": url}},
        {"FAKE_REMOTE": str(remote), "PYTHONPATH": str(PLUGINS)},
        store=store,
        broker=rabbitmq,
    )
    made.progress.look()
    through = f"amqp://guest:guest@127.0.0.1:{broker.port}"
    made.configure(transport={**made.config["transport"], "url": through})
    yield made
    made.close()


def send_new(production: Production, first_seed: int, count: int) -> list[AsyncResult]:
    """Tasks of replays that nobody parsed yet."""
    keys = [
        production.put(f"{seed}", synthetic_replay(believable_match(seed=seed), frames=0))
        for seed in range(first_seed, first_seed + count)
    ]
    queue = {"progressQueue": production.progress.queue}
    return [production.send(key, extra=queue) for key in keys]


def results(tasks: Sequence[AsyncResult]) -> list[Any]:
    return [task.get(timeout=100) for task in tasks]


def timed(production: Production, first_seed: int, count: int) -> tuple[list[AsyncResult], float]:
    """Send, wait for all, and answer how many seconds that took."""
    began = time.monotonic()
    tasks = send_new(production, first_seed, count)
    results(tasks)
    return tasks, time.monotonic() - began


def ended(messages: Sequence[JsonObject]) -> list[str]:
    return [message["taskId"] for message in messages if message["status"] != "Pending"]


def all_was_told(production: Production, tasks: Sequence[AsyncResult]) -> int:
    """Each task's way up to one Complete, and one analytics event, for who knows ids again.

    Answers how many messages came again, under the same id.
    """
    ids = {task.id for task in tasks}
    poll(lambda: ids <= set(ended(production.progress.look())))
    poll(lambda: len(production.analytics.look()) >= len(ids))
    time.sleep(LAST_REPEAT_S)
    progress, analytics = production.progress.look(), production.analytics.look()
    assert Counter(ended(progress)) == Counter(ids)
    assert {m["status"] for m in progress} == {"Pending", "Complete"}
    assert Counter(dict(m["data"]["tags"])["taskId"] for m in analytics) == Counter(ids)
    values: defaultdict[str, list[float]] = defaultdict(list)
    for message in progress:
        values[message["taskId"]].append(message["progress"]["value"])
    assert all(steps == sorted(steps) and steps[-1] == 100 for steps in values.values())
    return production.progress.repeats + production.analytics.repeats


def test_nobody_waits_for_a_frozen_rabbitmq_and_all_arrives_once_it_thaws(
    production, broker, contract
):
    production.worker("--concurrency", "10").ready()
    first = send_new(production, 0, 1)
    results(first)
    undisturbed, undisturbed_s = timed(production, 1, 100)
    poll(lambda: len(production.analytics.look()) == 101)
    with broker.failing(Freeze()):
        frozen, frozen_s = timed(production, 1000, 100)
        time.sleep(max(0.0, FROZEN_S - frozen_s))
    assert frozen_s < undisturbed_s + 20
    contract.check("result", results(frozen))
    again = all_was_told(production, [*first, *undisturbed, *frozen])
    assert again <= LARGEST_BATCH  # one was under way when the connection was given up


def test_a_store_that_goes_away_fails_no_task_and_has_none_parsed_twice(
    production, store, contract
):
    remote = Path(production.environ["FAKE_REMOTE"])
    (remote / "slow_s").write_text("0.5")
    production.worker("--concurrency", "4").ready()
    tasks = send_new(production, 5000, 50)
    uploads = remote / "uploads"
    poll(lambda: uploads.exists() and len(uploads.read_text().splitlines()) >= 10)
    store.kill()
    try:
        time.sleep(STORE_AWAY_S)
    finally:
        store.start()
    answers = results(tasks)
    parsed = uploads.read_text().splitlines()
    assert len(parsed) == len(set(parsed)) == 50
    kept = {o.object_name for o in store.client().list_objects(BUCKET, "parsed/", recursive=True)}
    assert {answer["outputPath"] for answer in answers} <= kept
    assert len({answer["outputPath"] for answer in answers}) == 50
    contract.check("result", answers)
    assert all_was_told(production, tasks) == 0
