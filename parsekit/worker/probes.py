"""Ask the real servers whether they answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from parsekit.worker.amqp_link import AmqpLink
from parsekit.worker.redis_client import connect, is_redis
from parsekit.worker.tls import AmqpTls

if TYPE_CHECKING:
    from parsekit.worker.addresses import Addresses
    from parsekit.worker.service import Service

#: A key that nobody has: to be told so takes a whole round trip to the storage.
_NOBODYS_KEY = "parsekit-probe"


def probes(service: Service) -> dict[str, Callable[[], object]]:
    """A question to each server that a worker needs."""
    at = service.addresses
    asked: dict[str, Callable[[], object]] = {"broker": _ping(at.broker, at.broker_tls)}
    if at.backend != at.broker:
        asked["results"] = _ping(at.backend, at.backend_tls)
    asked["storage"] = lambda: service.process.pipeline.storage.read(_NOBODYS_KEY)
    return asked


def backlog(at: Addresses) -> Callable[[], int]:
    """Counts the messages that wait to be taken, over all queues."""
    names = (at.queue, at.poll_queue, at.bulk_queue)
    if at.redis_broker:
        client: Any = connect(at.broker)
        return lambda: sum(client.llen(name) for name in names)
    link = AmqpLink(at.broker, at.broker_tls)

    def count(channel: Any) -> int:
        return sum(channel.queue_declare(name, passive=True).message_count for name in names)

    return lambda: link.use(count)


def _ping(url: str, tls: AmqpTls) -> Callable[[], object]:
    if is_redis(url):
        return connect(url).ping
    link = AmqpLink(url, tls)
    return lambda: link.use(bool)  # that a channel opens is the answer
