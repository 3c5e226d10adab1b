"""A back-fill of any size never delays an interactive request, whatever its tasks are doing."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Sequence

import kombu
import pytest
import redis

from devkit.deployment import poll

BACK_FILL = 10_000
#: What the machine that runs the tests may take beside the parse.
MARGIN_S = 1.0


class BackFill:
    """A deployment, and its queue of back-fills."""

    def __init__(self, broker: str, service) -> None:
        self.broker = broker
        self.service = service
        self.queue = f"{service.queue}-fill"

    def send(self, key: str):
        return self.service.send(key, queue=self.queue)

    def fill(self, keys: Sequence[str]) -> None:
        """Put `BACK_FILL` messages into the queue, copies of a real one for each key."""
        for key in keys:
            self.send(key)
        if self.broker.startswith("redis"):
            self._copy_in_redis(BACK_FILL - len(keys))
        else:
            self._copy_in_rabbitmq(BACK_FILL - len(keys))

    def _copy_in_redis(self, count: int) -> None:
        with redis.Redis.from_url(self.broker) as client, client.pipeline() as pipe:
            texts = [text.decode() for text in client.lrange(self.queue, 0, -1)]
            for number in range(count):
                text = texts[number % len(texts)]
                task_id = text.partition('"id": "')[2].partition('"')[0]
                pipe.lpush(self.queue, text.replace(task_id, str(uuid.uuid4())))
            pipe.execute()

    def _copy_in_rabbitmq(self, count: int) -> None:
        with kombu.Connection(self.broker) as connection, connection.channel() as channel:
            got = iter(lambda: channel.basic_get(self.queue, no_ack=False), None)
            originals = list(got)
            for number in range(count):
                one, task_id = originals[number % len(originals)], str(uuid.uuid4())
                message = channel.prepare_message(
                    one.body,
                    content_type=one.content_type,
                    content_encoding=one.content_encoding,
                    headers={**one.headers, "id": task_id, "root_id": task_id},
                    properties={"delivery_mode": 2, "correlation_id": task_id},
                )
                channel.basic_publish(message, exchange="", routing_key=self.queue)


@pytest.fixture(params=["redis", "rabbitmq"])
def back_fill(request, make_service, redis_server, redis_client) -> BackFill:
    backend = redis_server.url()
    broker = backend
    if request.param == "rabbitmq":
        broker = request.getfixturevalue("rabbitmq").url()
    queue = f"fills-{os.urandom(4).hex()}"
    celery = {"broker": broker, "backend": backend, "queue": queue, "bulk_queue": f"{queue}-fill"}
    return BackFill(broker, make_service({"celery": celery}))


def latencies(service, seeds: Sequence[int]) -> list[float]:
    """Seconds that interactive requests take, one after the other with a pause in between."""
    found = []
    for seed in seeds:
        key = service.replay(f"urgent{seed}", seed=seed)
        time.sleep(0.4)
        began = time.monotonic()
        service.send(key).get(timeout=60)
        found.append(time.monotonic() - began)
    return found


def test_ten_thousand_messages_delay_no_interactive_request(back_fill):
    service = back_fill.service
    service.remote_is(slow_s=3)
    back_fill.fill([service.replay(f"b{seed}", seed=seed) for seed in range(40)])
    service.worker("--concurrency", "2").ready()
    poll(lambda: len(service.uploads) >= 2)
    assert max(latencies(service, range(900, 904))) < 3 + MARGIN_S


def test_back_fills_that_go_on_after_a_wait_delay_none_either(back_fill):
    service = back_fill.service
    service.remote_is(pending_s=10, resume_s=3)  # so that all are uploaded before the first look
    for seed in range(24):
        back_fill.send(service.replay(f"b{seed}", seed=seed))
    service.worker("--concurrency", "3").ready()
    poll(lambda: len(service.uploads) == 24 and service.lines("polls"))
    service.remote_is(pending_s=0)
    assert max(latencies(service, range(900, 916))) < MARGIN_S
    assert len(service.lines("polls")) < 24, "the back-fill was still at work"


def test_every_task_of_a_back_fill_that_waits_gets_its_result(back_fill):
    """Also over a worker that was told of the queue of back-fills alone."""
    service = back_fill.service
    service.remote_is(pending_s=2)
    service.worker("--concurrency", "2", "--queues", back_fill.queue).ready()
    tasks = [back_fill.send(service.replay(f"b{seed}", seed=seed)) for seed in range(4)]
    assert all(task.get(timeout=60)["parser"] == "fake" for task in tasks)
    assert len(service.uploads) == 4


def test_a_worker_for_back_fills_alone_uses_all_its_slots(back_fill):
    service = back_fill.service
    service.remote_is(slow_s=3)
    tasks = [back_fill.send(service.replay(f"b{seed}", seed=seed)) for seed in range(4)]
    service.worker("--concurrency", "2", "--queues", back_fill.queue).ready()
    began = time.monotonic()
    assert all(task.get(timeout=60)["parser"] == "fake" for task in tasks)
    assert time.monotonic() - began < 9, "two at once: 6 s; one after the other: 12 s"
