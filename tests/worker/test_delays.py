"""Messages that wait in RabbitMQ arrive, also when their time comes while it is away."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import kombu
import pytest

from devkit.deployment import poll
from devkit.servers.rabbitmq import RabbitServer
from devkit.servers.rabbitmq import rabbitmq as run_rabbitmq
from devkit.servers.rabbitmq_node import RabbitNode
from devkit.servers.valkey import ValkeyServer
from parsekit.config import load_config
from parsekit.worker.addresses import Addresses
from parsekit.worker.celery_settings import own_queue, task_queues
from parsekit.worker.monitoring.queue_stats import AmqpQueues
from parsekit.worker.resume import delay_queue

COUNT = 20


@pytest.fixture
def rabbit(rabbitmq_installed: None, tmp_path: Path) -> Iterator[RabbitServer]:
    """One of our own, to pull the plug of."""
    with run_rabbitmq(tmp_path) as server:
        yield server


def let_wait(url: str, seconds: float) -> None:
    """Send as a worker does, and be told that all were written down."""
    with kombu.Connection(url, transport_options={"confirm_publish": True}) as connection:
        channel, queue = connection.default_channel, delay_queue("tasks-poll", seconds)
        for needed in (own_queue("tasks-poll"), queue):
            needed(channel).declare()
        producer = connection.Producer()
        for number in range(COUNT):
            producer.publish({"n": number}, routing_key=queue.name, delivery_mode=2)


def test_what_expires_while_rabbitmq_is_away_is_not_lost(rabbit: RabbitServer) -> None:
    urls = {
        "classic": rabbit.add_vhost("classic"),
        "quorum": rabbit.add_vhost("quorum", "quorum"),
    }

    def arrived() -> dict[str, int]:
        return {kind: rabbit.count("messages", kind).get("tasks-poll", 0) for kind in urls}

    for restarts in range(1, 4):
        for url in urls.values():
            let_wait(url, 2.0)
        time.sleep(0.5)
        rabbit.kill()
        time.sleep(2)
        rabbit.start()
        poll(lambda number=restarts: min(arrived().values()) >= number * COUNT, every_s=1)


def test_it_does_not_matter_who_makes_the_queues(
    rabbitmq: RabbitNode, redis_server: ValkeyServer, tmp_path: Path
) -> None:
    """A worker that counts messages, one that consumes, and one that lets a task wait."""
    url = rabbitmq.add_vhost("delays", "quorum")
    file = tmp_path / "parsekit.json"
    file.write_text(json.dumps({"celery": {"broker": url, "backend": redis_server.url()}}))
    at = Addresses.of(load_config(file, environ={}))
    assert AmqpQueues(at).sample().messages[at.poll_queue] == 0
    with kombu.Connection(url) as connection:
        for queue in (*task_queues(at), own_queue(at.poll_queue), own_queue(at.bulk_poll_queue)):
            queue(connection.default_channel).declare()
