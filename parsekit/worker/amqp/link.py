"""A connection to RabbitMQ for looking at it, used by one thread every few seconds.

Each use has a fresh channel: one that was refused something is closed by the broker, and the
connection goes on. When the connection itself is lost, the next use opens another.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, TypeVar

from kombu import Connection

from parsekit.errors import StorageUnavailable
from parsekit.worker.tls import AmqpTls

Answer = TypeVar("Answer")

_TIMEOUT_SECONDS = 5.0
#: The broker drops a connection on which nothing came for so long; every use counts.
_HEARTBEAT_SECONDS = 60


class AmqpLink:
    """The connection, made when first used."""

    def __init__(self, url: str, tls: AmqpTls = False) -> None:
        self._url = url
        self._tls = tls
        self._connection: Any = None

    def use(self, work: Callable[[Any], Answer]) -> Answer:
        """Do ``work(channel)``. Raises `StorageUnavailable` when the broker can't be reached.

        What the broker refuses (`amqp.exceptions.ChannelError`) is raised as it is.
        """
        if self._connection is None:
            self._connection = self._made()
        connection = self._connection
        try:
            # Each node of a chain once; the one that takes us is kept.
            connection.ensure_connection(
                max_retries=self._url.count(";"), interval_start=0, reraise_as_library_errors=False
            )
            with contextlib.closing(connection.channel()) as channel:
                return work(channel)
        except (*connection.recoverable_connection_errors, TimeoutError) as exc:
            self.close()
            raise StorageUnavailable(f"RabbitMQ can't be reached: {exc}") from exc

    def close(self) -> None:
        """End the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(Exception):
                connection.collect()

    def _made(self) -> Connection:
        return Connection(
            self._url,
            heartbeat=_HEARTBEAT_SECONDS,
            connect_timeout=_TIMEOUT_SECONDS,
            transport_options={
                "read_timeout": _TIMEOUT_SECONDS,
                "write_timeout": _TIMEOUT_SECONDS,
            },
            ssl=self._tls,
        )
