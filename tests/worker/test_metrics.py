"""``/metrics`` of real workers: threads, a prefork pool, Redis and RabbitMQ."""

from __future__ import annotations

import os
import signal
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

from parsekit.testing.deployment import poll
from parsekit.testing.servers.process import free_port
from parsekit.testing.servers.valkey import valkey


class Watched:
    """A worker and its ``/metrics``."""

    def __init__(self, service, *options: str) -> None:
        self.port = free_port()
        self.worker = service.worker("--http", str(self.port), *options).ready()

    def text(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=20) as answer:
            return answer.read().decode()

    def value(self, name: str, **labels: str) -> float | None:
        """The sum of the series that have these labels; None when there is none."""
        samples = [s for f in text_string_to_metric_families(self.text()) for s in f.samples]
        found = [s.value for s in samples if s.name == name and labels.items() <= s.labels.items()]
        return sum(found) if found else None


@pytest.fixture(params=["redis", "rabbitmq"])
def any_service(request, make_service, redis_server, redis_client):
    url = redis_server.url()
    if request.param == "rabbitmq":
        url = request.getfixturevalue("rabbit_server").url()
    queue = f"metrics-{os.urandom(4).hex()}"
    return make_service({"celery": {"broker": url, "backend": url, "queue": queue}})


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_tasks_are_counted_whatever_process_ran_them(service, pool):
    watched = Watched(service, "--pool", pool, "-c", "2")
    assert watched.value("parsekit_tasks_total", code="invalid_replay") == 0
    keys = [service.replay(f"r{seed}", seed=seed) for seed in range(4)]
    for key in [*keys, keys[0]]:
        service.send(key).get(timeout=60)
    service.send("replays/none.replay").get(timeout=60, propagate=False)
    poll(lambda: watched.value("parsekit_tasks_total") == 6)
    assert watched.value("parsekit_tasks_total", outcome="parsed", parser="fake") == 4
    assert watched.value("parsekit_tasks_total", outcome="cached") == 1
    assert watched.value("parsekit_tasks_total", code="replay_not_found") == 1
    stage = "parsekit_stage_duration_seconds"
    assert watched.value(f"{stage}_count", stage="total") == 6
    assert watched.value(f"{stage}_count", stage="parse") == 4
    assert watched.value(f"{stage}_bucket", stage="parse", le="900.0") == 4
    assert watched.value("parsekit_slots") == 2


def test_a_child_that_dies_leaves_its_counts_and_no_series(service):
    watched = Watched(service, "--pool", "prefork", "-c", "1")
    service.send(service.replay("one")).get(timeout=60)
    poll(lambda: watched.value("parsekit_tasks_total", outcome="parsed") == 1)
    before = {line.split(" ")[0] for line in watched.text().splitlines()}
    folder = next((service.folder / "data" / "parsekit" / "workers").glob("*.children"))
    (first,) = (int(file.stem) for file in folder.glob("*.json"))
    os.kill(first, signal.SIGKILL)
    service.send(service.replay("two", seed=2)).get(timeout=90)
    poll(lambda: watched.value("parsekit_tasks_total", outcome="parsed") == 2)
    assert {line.split(" ")[0] for line in watched.text().splitlines()} == before
    assert [int(file.stem) for file in folder.glob("*.json")] != [first]
    watched.worker.stop()
    assert not folder.exists()


def test_running_tasks_of_a_prefork_pool_are_seen_by_its_parent(service):
    service.remote_is(slow_s=15)
    watched = Watched(service, "--pool", "prefork", "-c", "2")
    service.send(service.replay("one"))
    poll(lambda: watched.value("parsekit_running_tasks") == 1)
    poll(lambda: watched.value("parsekit_longest_run_seconds") > 2)


def test_queues_tell_their_length_and_the_age_of_the_oldest(any_service):
    any_service.remote_is(slow_s=6)
    watched = Watched(any_service, "-c", "1")
    for seed in range(3):
        any_service.send(any_service.replay(f"r{seed}", seed=seed))
    name = any_service.queue
    poll(lambda: (watched.value("parsekit_queue_messages", queue=name) or 0) > 0)
    poll(lambda: (watched.value("parsekit_queue_oldest_seconds", queue=name) or 0) > 3)
    poll(lambda: watched.value("parsekit_queue_oldest_seconds", queue=name) == 0)
    assert watched.value("parsekit_queue_messages", queue=name) == 0


def test_waiting_tasks_are_counted(any_service):
    any_service.remote_is(pending_s=600)
    watched = Watched(any_service)
    any_service.send(any_service.replay("one"))
    poll(lambda: watched.value("parsekit_waiting_tasks") == 1)


def test_a_server_that_is_away_shows(make_service, redis_server, redis_client, tmp_path):
    with valkey(tmp_path / "results") as results:
        service = make_service({"celery": {"broker": redis_server.url(), "backend": results.url()}})
        watched = Watched(service)
        poll(lambda: watched.value("parsekit_server_up", server="results") == 1)
    poll(lambda: watched.value("parsekit_server_up", server="results") == 0)
    assert watched.value("parsekit_server_up", server="broker") == 1


def test_queues_of_a_broker_that_is_away_are_not_told(make_service, redis_server, tmp_path):
    with valkey(tmp_path / "broker") as broker:
        service = make_service({"celery": {"broker": broker.url(), "backend": redis_server.url()}})
        watched = Watched(service)
        poll(lambda: watched.value("parsekit_queue_messages") == 0)
    poll(lambda: watched.value("parsekit_queue_messages") is None)
    assert watched.value("parsekit_server_up", server="broker") == 0
