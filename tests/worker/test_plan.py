"""What a worker says that it will do: pool, slots, queues, and how long anything takes."""

from __future__ import annotations

import os
import random

import pytest

from devkit.deployment import poll
from parsekit import errors
from parsekit.batch.cores import REMOTE_SLOTS
from parsekit.config import CelerySettings, Config, HostSettings
from parsekit.config.config import HOST_SECTIONS
from parsekit.config.settings import Limits
from parsekit.worker.addresses import Addresses
from parsekit.worker.celery_settings import MAX_HOP_SECONDS, MAX_REST_SECONDS
from parsekit.worker.command import Plan, WorkerOptions, make_plan
from parsekit.worker.resume import delay_queue, hop_seconds

CORES = len(os.sched_getaffinity(0))
ALL = ("q", "q-poll", "fill-poll", "fill")


class Entry:
    def __init__(self, name: str, runs: str) -> None:
        self.name, self.runs = name, runs


class Plugins:
    """Two parsers, one of each kind."""

    def parser_entry(self, name: str) -> Entry:
        return Entry(name, "local" if name == "here" else "remote")


def plan(parser: str, broker: str = "redis://u:secret@h:6379/0", parse_s: float = 120, **options):
    sections = {name: model() for name, model in HOST_SECTIONS.items()}
    results = broker if broker.startswith("redis") else "redis://h"
    sections["celery"] = CelerySettings(
        broker=broker, backend=results, queue="q", bulk_queue="fill"
    )
    sections["limits"] = Limits(parse_seconds=parse_s)
    config = Config(host=HostSettings(parser=parser), sections=sections)
    return make_plan(Plugins(), WorkerOptions(**options), Addresses.of(config), config)


@pytest.mark.parametrize(
    ("parser", "options", "pool", "slots"),
    [
        ("here", {}, "prefork", CORES),
        ("there", {}, "threads", REMOTE_SLOTS),
        ("here", {"pool": "threads"}, "threads", CORES),
        ("there", {"concurrency": 3}, "threads", 3),
        ("here", {"pool": "solo", "concurrency": 1}, "solo", 1),
    ],
)
def test_pool_and_slots_follow_the_parser_unless_they_are_given(parser, options, pool, slots):
    made = plan(parser, **options)
    assert (made.pool, made.concurrency) == (pool, slots)


@pytest.mark.parametrize(
    ("named", "queues"),
    [
        (None, ALL),
        ("", ALL),
        ("q", ("q", "q-poll")),
        ("fill", ("fill-poll", "fill")),
        ("fill,q-poll", ("q-poll", "fill-poll", "fill")),
        ("fill,q", ALL),
        ("mine,q", ("q", "q-poll", "mine")),
    ],
)
def test_who_takes_a_queue_takes_what_has_waited_too(named, queues):
    assert plan("there", queues=named).queues == queues


def text(made: Plan) -> str:
    return "\n".join(made.lines())


def test_the_plan_in_words_has_no_secrets():
    told = text(plan("here", concurrency=2))
    assert told == (
        "parser   here (in child processes), storage folder\n"
        "tasks    2 at once in a prefork pool\n"
        "broker   redis://h:6379/0, queues q, q-poll, fill-poll, fill\n"
        "results  redis://h:6379/0\n"
        "waiting  in the broker, un-acknowledged by none, until their time"
    )
    assert "parser   there (in threads, waiting for others)" in text(plan("there"))


@pytest.mark.parametrize(
    ("parse_s", "verdict"), [(120, "420 s at most"), (1501, "so RAISE it"), (1499, "by default")]
)
def test_over_rabbitmq_it_tells_whether_the_consumer_timeout_is_long_enough(parse_s, verdict):
    assert verdict in text(plan("here", "amqp://h", parse_s))
    assert "consumer_timeout" not in text(plan("here", parse_s=parse_s))


@pytest.mark.parametrize("spread", [1.0, 1.05, 1.1])
@pytest.mark.parametrize(
    "after_s", [float("-inf"), -5, 0, 0.01, 0.5, 1, 4.9, 19, 54.5, 55, 60, 61, 900, 1e9, 1e308]
)
def test_no_hop_takes_more_than_a_minute(monkeypatch, after_s, spread):
    monkeypatch.setattr(random, "uniform", lambda *_: spread)
    hop_s = hop_seconds(after_s)
    assert 0 < hop_s <= MAX_HOP_SECONDS == 60
    assert hop_s >= min(after_s, 54)
    ttl_ms = delay_queue("q-poll", hop_s).queue_arguments["x-message-ttl"]
    assert hop_s * 1000 <= ttl_ms + 0.001
    assert ttl_ms <= 60_000


@pytest.mark.parametrize("spread", [1.0, 1.1])
@pytest.mark.parametrize("after_s", [float("-inf"), 0, 1, 55, 900, 86_000, 1e9, 1e308])
def test_over_redis_a_task_rests_until_its_time(monkeypatch, after_s, spread):
    monkeypatch.setattr(random, "uniform", lambda *_: spread)
    rest_s = hop_seconds(after_s, MAX_REST_SECONDS)
    assert 0 < rest_s <= MAX_REST_SECONDS
    assert rest_s >= min(after_s, MAX_REST_SECONDS / 1.1)
    assert rest_s <= max(after_s, 0.05) + 6


def test_a_real_worker_prints_its_plan(service):
    worker = service.worker("--concurrency", "3").ready()
    for line in (
        "parser   fake (in threads, waiting for others), storage folder",
        "tasks    3 at once in a threads pool",
        "queues replay-parse, replay-parse-poll, replay-parse-bulk-poll, replay-parse-bulk",
        "waiting  in the broker, un-acknowledged by none, until their time",
    ):
        assert line in worker.text()


def test_a_remote_parser_that_takes_too_long_is_told_as_a_timeout(service):
    service.worker("--concurrency", "2").ready()
    service.remote_is(pending_s=4, deadline_s=1)
    task = service.send(service.replay("one"))
    with pytest.raises(errors.RemoteTimeout):
        task.get(timeout=40)
    (told,) = poll(lambda: [e for e in service.progress(task.id) if e["status"] == "Error"])
    assert "too long" in told["error"]
    assert len(service.uploads) == len(service.analytics(task.id)) == 1
