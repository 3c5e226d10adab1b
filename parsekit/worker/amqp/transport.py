"""kombu's AMQP transport, with a prefetch that is each consumer's own.

Celery limits all queues of a worker together, which quorum queues refuse (and whether a queue is
one may be decided by the vhost, out of our sight). With a limit for each queue a back-fill gets a
share of the slots and an interactive request never queues up behind it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, ClassVar

from kombu.transport import pyamqp


class Channel(pyamqp.Channel):
    """Gives queues of back-fills their own, smaller prefetch."""

    bulk_queues: ClassVar[Collection[str]] = ()
    #: Messages of each of them in hand at once; `bulk_share` of the worker's slots.
    bulk_slots: ClassVar[int] = 1

    def basic_qos(self, prefetch_size: int, prefetch_count: int, a_global: bool, **kw: Any) -> Any:
        """Remember what Celery asks for; it holds for consumers that start after it."""
        self._prefetch = prefetch_count
        return super().basic_qos(prefetch_size, prefetch_count, a_global, **kw)

    def basic_consume(self, queue: str, *args: Any, **kwargs: Any) -> Any:
        """Consume, a back-fill with fewer slots."""
        if queue not in self.bulk_queues:
            return super().basic_consume(queue, *args, **kwargs)
        super().basic_qos(0, self.bulk_slots, False)
        tag = super().basic_consume(queue, *args, **kwargs)
        super().basic_qos(0, self._prefetch, False)
        return tag


def bulk_share(slots: int, queues: int) -> int:
    """How many messages of each queue of back-fills a worker takes, so that one slot stays free.

    A consumer knows nothing of the others: each has its share, and one at least.
    """
    return max(1, (slots - 1) // queues)


class Connection(pyamqp.Connection):
    """Opens our channels."""

    Channel = Channel


class Transport(pyamqp.Transport):
    """For workers only: callers use kombu's own."""

    Connection = Connection

    def qos_semantics_matches_spec(self, connection: Any) -> bool:
        """Say that a prefetch holds for one consumer, as the AMQP specification has it."""
        del connection
        return True


class TlsTransport(Transport):
    """The same for ``amqps``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.client.ssl:
            self.client.ssl = True
