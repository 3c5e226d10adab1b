"""kombu's AMQP transport, with a prefetch that is each consumer's own.

Celery limits all queues of a worker together, which quorum queues refuse (and whether a queue is
one may be decided by the vhost, out of our sight). With a limit for each queue a back-fill gets a
share of the slots and an interactive request never queues up behind it.

What a message says of itself is any bytes that its sender has chosen, and py-amqp raises where it
can't decode them: that ends the worker, and the broker hands the message to the next one.
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Callable, Collection
from typing import Any, ClassVar

from amqp import spec
from amqp.exceptions import AMQPError
from amqp.method_framing import frame_handler
from amqp.serialization import loads
from kombu.transport import pyamqp

from parsekit.worker.messages.raw_message import RawMessage

log = logging.getLogger(__name__)

#: Type of the frame with a message's properties, before which stand class, weight and body's size.
_PROPERTIES, _SIZES_BYTES = 2, 12
_NO_PROPERTIES = b"\0\0"
#: What py-amqp raises for them: dates in no calendar, texts in no UTF-8, a thousand levels.
_UNDECODABLE = (ValueError, LookupError, ArithmeticError, RecursionError, struct.error, AMQPError)

Frame = tuple[int, int, bytes]


class AmqpMessage(pyamqp.Message, RawMessage):
    """A message of AMQP, as it came."""


class AmqpChannel(pyamqp.Channel):
    """Gives queues of back-fills their own, smaller prefetch."""

    Message = AmqpMessage
    bulk_queues: ClassVar[Collection[str]] = ()
    #: Messages of each of them in hand at once; `bulk_share` of the worker's slots.
    bulk_slots: ClassVar[int] = 1

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.auto_decode = False  # with the codec that a message names

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

    def dispatch_method(self, method_sig: Any, payload: bytes, content: Any) -> Any:
        """Deliver a message; one whose routing key is no text is dropped."""
        try:
            return super().dispatch_method(method_sig, payload, content)
        except UnicodeDecodeError as exc:
            if method_sig != spec.Basic.Deliver:
                raise
            log.error("dropped a message whose routing key is no text: %s", exc)
            (_, delivery_tag), _ = loads("sL", payload, 4)
            return self.basic_reject(delivery_tag, requeue=False)


def bulk_share(slots: int, queues: int) -> int:
    """How many messages of each queue of back-fills a worker takes, so that one slot stays free.

    A consumer knows nothing of the others: each has its share, and one at least.
    """
    return max(1, (slots - 1) // queues)


def _frames(connection: Any, callback: Any) -> Callable[[Frame], Any]:
    """Read frames; a message whose properties can't be read has none, and names no task then."""
    on_frame = frame_handler(connection, callback)

    def guarded(frame: Frame) -> Any:
        try:
            return on_frame(frame)
        except _UNDECODABLE as exc:
            kind, channel, content = frame
            if kind != _PROPERTIES:
                raise
            log.error("a message has properties that can't be read: %s", exc)
            return on_frame((kind, channel, bytes(content[:_SIZES_BYTES]) + _NO_PROPERTIES))

    return guarded


class AmqpConnection(pyamqp.Connection):
    """Opens our channels."""

    Channel = AmqpChannel

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, frame_handler=_frames, **kwargs)


class AmqpTransport(pyamqp.Transport):
    """For workers only: callers use kombu's own."""

    Connection = AmqpConnection

    def qos_semantics_matches_spec(self, connection: Any) -> bool:
        """Say that a prefetch holds for one consumer, as the AMQP specification has it."""
        del connection
        return True


class AmqpTlsTransport(AmqpTransport):
    """The same for ``amqps``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.client.ssl:
            self.client.ssl = True
