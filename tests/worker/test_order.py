"""One worker tells the beginning of a task, another its end: progress comes in order, or not."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import redis

from devkit.contract import Contract
from devkit.deployment import poll
from devkit.production import Mailbox
from devkit.servers.proxy import FaultProxy, Refuse, fault_proxy
from devkit.servers.rabbitmq_node import RabbitNode
from devkit.servers.valkey import ValkeyServer
from parsekit.testing.sinks import believable_body

from ..conftest import Service

#: How long a replay stays pending: longer than a worker may take to tell its steps.
PENDING_S = 3
#: What comes of a task when all is well; the first worker tells three of them.
WHOLE = [10, 20, 30, 60, 100]


@dataclass
class Relay:
    """A worker that begins tasks, one that ends them, and the first one's way to RabbitMQ."""

    service: Service
    proxy: FaultProxy
    progress: Mailbox

    def task(self, seed: int) -> str:
        """Have a replay parsed by both workers, one after the other; answer the task's id."""
        key = self.service.replay(str(seed), seed)
        task = self.service.send(key, extra={"progressQueue": self.progress.queue})
        task.get(timeout=60)
        return str(task.id)

    def values(self, task_id: str) -> list[float]:
        """The percentages that came, once the last one did."""
        return poll(lambda: self._told(task_id)[-1:] == [100] and self._told(task_id))

    def _told(self, task_id: str) -> list[float]:
        told = self.progress.look()
        return [m["progress"]["value"] for m in told if m["taskId"] == task_id]


@pytest.fixture
def relay(
    make_service: Callable[[dict[str, Any]], Service],
    redis_server: ValkeyServer,
    redis_client: redis.Redis,
    rabbitmq: RabbitNode,
) -> Iterator[Relay]:
    url, name = redis_server.url(), uuid.uuid4().hex[:8]
    # Whoever takes new tasks ends them as well, unless an operator has it do otherwise.
    celery = {"broker": url, "backend": url, "remote_control": True}
    service = make_service({"celery": celery, "answer_as": "ballchasing"})
    service.remote_is(pending_s=PENDING_S)
    (service.remote / "body").write_text(json.dumps(believable_body()))
    poll_queue = f"{service.queue}-poll"

    def worker(queue: str, port: int) -> None:
        broker = f"amqp://guest:guest@127.0.0.1:{port}"
        service.configure(transport={"url": broker, "analytics_queue": f"analytics-{name}"})
        service.worker("-Q", queue).ready()

    with fault_proxy(rabbitmq.port) as proxy:
        worker(service.queue, proxy.port)
        poll(lambda: service.caller.control.cancel_consumer(poll_queue, reply=True, timeout=5))
        worker(poll_queue, rabbitmq.port)
        yield Relay(service, proxy, Mailbox(rabbitmq.url(), f"progress-{name}"))


def test_all_steps_come_in_order_while_rabbitmq_is_well(relay: Relay, contract: Contract) -> None:
    assert relay.values(relay.task(1)) == WHOLE
    contract.check("progress", relay.progress.look())


def test_steps_that_one_worker_could_not_send_never_follow_those_of_the_next(
    relay: Relay, contract: Contract
) -> None:
    with relay.proxy.failing(Refuse()):
        broken = relay.task(1)
        assert relay.values(broken) == [60, 100]
    # Once the first worker is through again, it has dealt with what it had before.
    assert any(relay.values(relay.task(seed)) == WHOLE for seed in range(2, 9))
    assert relay.values(broken) == [60, 100]
    contract.check("progress", relay.progress.look())
