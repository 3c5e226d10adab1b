"""Messages that wait in RabbitMQ arrive, also when their time comes while it is away."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import kombu
import pytest

from parsekit import errors
from parsekit.config import load_config
from parsekit.testing.deployment import poll
from parsekit.testing.servers.rabbitmq import RabbitServer
from parsekit.testing.servers.rabbitmq import rabbitmq as run_rabbitmq
from parsekit.testing.servers.valkey import ValkeyServer
from parsekit.worker.addresses import Addresses
from parsekit.worker.celery_settings import own_queue, task_queues
from parsekit.worker.queues import AmqpQueues
from parsekit.worker.rescheduling import delay_queue

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


@pytest.mark.parametrize("kind", ["quorum", "classic"])
def test_what_expires_while_rabbitmq_is_away_is_not_lost(
    rabbit: RabbitServer, kind: Literal["quorum", "classic"]
) -> None:
    url = rabbit.add_vhost(kind, kind)

    def arrived() -> int:
        rows = rabbit.ctl("list_queues", "-p", kind, "name", "messages", "--no-table-headers")
        return int(dict(row.split("\t") for row in rows.splitlines())["tasks-poll"])

    for restarts in range(1, 4):
        let_wait(url, 2.0)
        time.sleep(0.5)
        rabbit.kill()
        time.sleep(2)
        rabbit.start()
        poll(lambda number=restarts: arrived() >= number * COUNT, every_s=1)


def test_it_does_not_matter_who_makes_the_queues(
    rabbit: RabbitServer, redis_server: ValkeyServer, tmp_path: Path
) -> None:
    """A worker that counts messages, one that consumes, and one that lets a task wait."""
    url = rabbit.add_vhost("tasks", "quorum")
    file = tmp_path / "parsekit.json"
    file.write_text(json.dumps({"celery": {"broker": url, "backend": redis_server.url()}}))
    at = Addresses.of(load_config(file, environ={}))
    assert AmqpQueues(at).look().messages[at.poll_queue] == 0
    with kombu.Connection(url) as connection:
        for queue in (*task_queues(at), own_queue(at.poll_queue), own_queue(at.bulk_poll_queue)):
            queue(connection.default_channel).declare()


def test_a_queue_that_somebody_has_made_otherwise_puts_a_task_off_through_another(rabbit_service):
    """Callers could make a queue of this name; the tasks that were to wait in it failed."""
    service = rabbit_service
    url = service.config["celery"]["broker"]
    with kombu.Connection(url) as connection:
        for wait_ms in range(250, 3001, 250):
            name = f"{service.queue}-poll-in-{wait_ms}-ms"
            connection.default_channel.queue_declare(name, durable=True, auto_delete=False)
    service.worker("--concurrency", "1").ready()
    service.remote_is(pending_s=1)
    assert service.send(service.replay("one")).get(timeout=60)["parser"] == "fake"
    poll(lambda: "with other arguments" in service.workers[-1].text())


def test_no_progress_goes_to_a_queue_of_the_service(service):
    service.worker("--concurrency", "1").ready()
    key = service.replay("one")
    names = ("", "-poll", "-poll-in-1500-ms", "-dead-letters", "-dead-letters-in-500-ms")
    for name in [
        f"{queue}{end}" for queue in (service.queue, f"{service.queue}-bulk") for end in names
    ]:
        with pytest.raises(errors.BadRequest, match="is a queue of the service"):
            service.send(key, extra={"progressQueue": name}).get(timeout=60)
    assert not service.uploads
