"""How many messages are in a queue of RabbitMQ's, asked with py-amqp alone: kombu loads slowly."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import amqp
from amqp.exceptions import AMQPError, NotFound

from parsekit.worker.tls import AmqpTls

#: For the connection and for each answer, seconds.
_TIMEOUT_S = 3.0


def waiting_messages(url: str, tls: AmqpTls, queue: str) -> int:
    """Messages of a queue that need not be there, and is not made; of the first node that answers.

    Raises OSError or AMQPError, of the last node.
    """
    *others, last = url.split(";")
    for node in others:
        try:
            return _waiting_at(node, tls, queue)
        except (OSError, AMQPError):
            continue
    return _waiting_at(last, tls, queue)


def _waiting_at(node: str, tls: AmqpTls, queue: str) -> int:
    address = urlsplit(node)
    if isinstance(tls, dict):
        tls = {**tls, "server_hostname": address.hostname}
    host = address.hostname or "127.0.0.1"
    port = address.port or (5671 if address.scheme == "amqps" else 5672)
    connection = amqp.Connection(
        host=f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
        userid=unquote(address.username or "guest"),
        password=unquote(address.password or "guest"),
        login_method="PLAIN",
        virtual_host=unquote(address.path[1:]) or "/",
        ssl=tls,
        connect_timeout=_TIMEOUT_S,
        read_timeout=_TIMEOUT_S,
        write_timeout=_TIMEOUT_S,
    )
    with connection, connection.channel() as channel:
        try:
            return int(channel.queue_declare(queue, passive=True).message_count)
        except NotFound:
            return 0
