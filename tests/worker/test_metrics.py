"""``/metrics`` of real workers: threads, a prefork pool, Redis and RabbitMQ."""

from __future__ import annotations

import os
import signal
import time
import urllib.request
from collections.abc import Iterator

import pytest
from kombu import Connection
from prometheus_client.parser import text_string_to_metric_families

from devkit.deployment import poll
from devkit.servers.process import free_port
from devkit.servers.proxy import FaultProxy, Freeze, fault_proxy
from devkit.servers.valkey import valkey
from parsekit.worker.dead_letters import DeadLetter, DeadLetters

#: A listener that never returns from its first event.
HANGING = """
import time
from parsekit import hookimpl

@hookimpl
def parsekit_progress(event):
    time.sleep(3600)
"""


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
def any_service(request):
    return request.getfixturevalue("service" if request.param == "redis" else "rabbit_service")


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_tasks_are_counted_whatever_process_ran_them(service, pool):
    watched = Watched(service, "--pool", pool, "--concurrency", "2")
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


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_failures_of_every_parser_of_the_chain_begin_with_a_zero(service, pool):
    service.configure(fallback=["local"])
    watched = Watched(service, "--pool", pool)
    for parser in ("fake", "local"):
        failed = {"outcome": "failed", "code": "storage_unavailable", "parser": parser}
        assert watched.value("parsekit_tasks_total", **failed) == 0


def test_a_child_that_dies_leaves_its_counts_and_no_series(service):
    watched = Watched(service, "--pool", "prefork", "--concurrency", "1")
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
    watched = Watched(service, "--pool", "prefork", "--concurrency", "2")
    service.send(service.replay("one"))
    poll(lambda: watched.value("parsekit_running_tasks") == 1)
    poll(lambda: watched.value("parsekit_longest_run_seconds") > 2)


def test_queues_tell_their_length_and_the_age_of_the_oldest(any_service):
    any_service.remote_is(slow_s=6)
    watched = Watched(any_service, "--concurrency", "1")
    for seed in range(3):
        any_service.send(any_service.replay(f"r{seed}", seed=seed))
    name = any_service.queue
    poll(lambda: (watched.value("parsekit_queue_messages", queue=name) or 0) > 0)
    poll(lambda: (watched.value("parsekit_queue_oldest_seconds", queue=name) or 0) > 3)
    poll(lambda: watched.value("parsekit_queue_oldest_seconds", queue=name) == 0)
    assert watched.value("parsekit_queue_messages", queue=name) == 0


def test_queues_tell_which_of_them_are_for_back_fills(any_service):
    any_service.config["celery"]["bulk_queue"] = f"{any_service.queue}-fill"
    any_service.configure()
    watched = Watched(any_service)
    poll(lambda: watched.value("parsekit_queue_messages") is not None)
    for name in ("parsekit_queue_messages", "parsekit_queue_oldest_seconds"):
        for end, bulk in (
            ("", "false"),
            ("-poll", "false"),
            ("-fill", "true"),
            ("-fill-poll", "true"),
        ):
            queue = any_service.queue + end
            assert watched.value(name, queue=queue, bulk=bulk) == 0, f"{name} of {queue}"


def test_waiting_tasks_are_counted(any_service):
    any_service.remote_is(pending_s=600)
    watched = Watched(any_service)
    any_service.send(any_service.replay("one"))
    poll(lambda: watched.value("parsekit_own_waiting_tasks") == 1)
    if any_service.config["celery"]["broker"].startswith("redis"):
        poll(lambda: watched.value("parsekit_waiting_tasks") == 1)
    else:
        assert watched.value("parsekit_waiting_tasks") is None


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


def test_dead_letters_are_counted(any_service, redis_client):
    watched = Watched(any_service)
    poll(lambda: watched.value("parsekit_dead_letters") == 0)
    letter = DeadLetter(task_id="one", kwargs={}, code="poison_replay", error="", at_unix=0.0)
    DeadLetters(redis_client).put(letter)
    poll(lambda: watched.value("parsekit_dead_letters") == 1)


def test_what_is_taken_from_a_queue_is_counted(any_service):
    watched = Watched(any_service)
    taken = "parsekit_queue_taken_total"
    poll(lambda: watched.value(taken, queue=any_service.queue) == 0)
    assert watched.value(taken, queue="replay-parse-bulk") == 0
    any_service.send(any_service.replay("one")).get(timeout=60)
    any_service.send(any_service.replay("two"), queue="replay-parse-bulk").get(timeout=60)
    poll(lambda: watched.value(taken, queue="replay-parse-bulk") == 1)
    assert watched.value(taken, queue=any_service.queue) == 1


def test_the_limit_of_a_run_follows_that_of_a_parse(service):
    service.configure(limits={"parse_seconds": 50})
    assert Watched(service).value("parsekit_run_limit_seconds") == 350


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_audit_records_that_can_not_be_written_are_counted(service, pool):
    (service.folder / "audit").mkdir()
    service.configure(audit={"path": str(service.folder / "audit")})
    watched = Watched(service, "--pool", pool, "--concurrency", "1")
    poll(lambda: watched.value("parsekit_audit_lost_total") == 0)
    service.send(service.replay("one")).get(timeout=60)
    poll(lambda: watched.value("parsekit_audit_lost_total"))


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_analytics_that_the_disk_refuses_are_counted(service, pool):
    (service.folder / "data/parsekit").mkdir(parents=True, exist_ok=True)
    (service.folder / "data/parsekit/analytics").write_text("in the way")
    watched = Watched(service, "--pool", pool, "--concurrency", "1")
    lost = {"sink": "analytics_file", "kind": "analytics", "reason": "unwritable"}
    poll(lambda: watched.value("parsekit_sink_lost_total", **lost) == 0)
    service.send(service.replay("one")).get(timeout=60)
    poll(lambda: watched.value("parsekit_sink_lost_total", **lost) == 1)


def test_events_that_a_hanging_listener_misses_are_counted(service, tmp_path):
    folder = tmp_path / "plugin"
    (folder / "hanging-1.0.dist-info").mkdir(parents=True)
    (folder / "parsekit_hanging.py").write_text(HANGING)
    (folder / "hanging-1.0.dist-info/METADATA").write_text("Name: hanging\nVersion: 1.0\n")
    entry = "[parsekit]\nhanging = parsekit_hanging\n"
    (folder / "hanging-1.0.dist-info/entry_points.txt").write_text(entry)
    service.environ["PYTHONPATH"] += f":{folder}"
    watched = Watched(service)
    lost = "parsekit_listener_lost_events_total"
    assert watched.value(lost, listener="hanging") == 0
    key = service.replay("one")
    sent = [service.send(key) for _ in range(600)]
    poll(lambda: watched.value(lost, listener="hanging"))
    assert watched.value(lost) == watched.value(lost, listener="hanging"), "nobody else loses any"
    sent[0].get(timeout=60)


def test_what_the_shadow_did_is_counted(service):
    service.configure(shadow="local")
    watched = Watched(service)
    assert watched.value("parsekit_shadow_replays_total") == 0
    service.send(service.replay("one")).get(timeout=60)
    compared = {"fate": "compared"}
    poll(lambda: watched.value("parsekit_shadow_replays_total", **compared) == 1, seconds=90)


@pytest.fixture
def broker_of_sink(rabbitmq) -> Iterator[FaultProxy]:
    """The RabbitMQ of this run, which others use too, for this test to freeze."""
    with fault_proxy(rabbitmq.port) as proxy:
        yield proxy


def test_what_the_sink_sends_late_loses_and_keeps_is_counted(service, rabbitmq, broker_of_sink):
    queues = [f"{kind}-{os.urandom(4).hex()}" for kind in ("progress", "analytics")]
    with Connection(rabbitmq.url()) as connection:
        for queue in queues:
            connection.default_channel.queue_declare(queue, durable=True, auto_delete=False)
    url = f"amqp://guest:guest@127.0.0.1:{broker_of_sink.port}"
    service.configure(transport={"url": url, "analytics_queue": queues[1]})
    watched = Watched(service)
    told = {"progressQueue": queues[0]}
    service.send(service.replay("one"), extra=told).get(timeout=60)
    poll(lambda: watched.value("parsekit_sink_sent_total", kind="analytics") == 1)
    poll(lambda: watched.value("parsekit_sink_sent_total", kind="progress"))
    assert watched.value("parsekit_sink_lost_total") == 0
    service.send(service.replay("two"), extra={"progressQueue": queues[1]}).get(timeout=60)
    poll(lambda: watched.value("parsekit_sink_lost_total", reason="bad_queue"))
    assert watched.value("parsekit_sink_late_total") == 0
    with broker_of_sink.failing(Freeze()):
        service.send(service.replay("three"), extra=told).get(timeout=60)
        poll(lambda: watched.value("parsekit_sink_waiting_messages"))
        poll(lambda: watched.value("parsekit_sink_spooled_bytes"))
        time.sleep(2.5)  # what is confirmed after two seconds is late
    poll(lambda: watched.value("parsekit_sink_late_total", kind="analytics"))
    poll(lambda: watched.value("parsekit_sink_waiting_messages") == 0)
    poll(lambda: watched.value("parsekit_sink_spooled_bytes") == 0)
