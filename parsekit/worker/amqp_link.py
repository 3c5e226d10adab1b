"""One AMQP connection of a process, used by one thread at a time, each time on a fresh channel.

A channel that was refused something is closed by the broker; the connection goes on. When the
connection itself is lost, the next use opens another, and everything that lived with the old one
(exclusive queues, which serve as locks) is gone: ``generation`` tells.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from amqp.exceptions import MessageNacked
from kombu import Connection

from parsekit.errors import StorageUnavailable
from parsekit.worker.tls import AmqpTls

Answer = TypeVar("Answer")

#: The delivery mode of a message that outlives a restart of the broker.
PERSISTENT = 2
#: Between two signs of life; the broker gives up on a connection after `_HEARTBEAT_SECONDS`.
_BEAT_SECONDS = 5.0
_HEARTBEAT_SECONDS = 20
_TIMEOUT_SECONDS = 5.0


class AmqpLink:
    """The connection, made when first used."""

    def __init__(self, url: str, tls: AmqpTls = False) -> None:
        self._url = url
        self._tls = tls
        self._lock = threading.Lock()
        self._connection: Any = None
        self._stopped = threading.Event()
        self.generation = 0

    def use(self, work: Callable[[Any], Answer]) -> Answer:
        """Do ``work(channel)``. Raises `StorageUnavailable` when the broker can't be reached.

        What the broker refuses (`amqp.exceptions.ChannelError`) is raised as it is.
        """
        with self._lock:
            connection = self._open()
            try:
                with contextlib.closing(connection.channel()) as channel:
                    return work(channel)
            except MessageNacked as exc:
                raise StorageUnavailable("RabbitMQ does not take a message just now") from exc
            except (*connection.recoverable_connection_errors, TimeoutError) as exc:
                self._drop()
                raise StorageUnavailable(f"RabbitMQ can't be reached: {exc}") from exc

    def close(self) -> None:
        """End the connection."""
        self._stopped.set()
        with self._lock:
            self._drop()

    def _open(self) -> Any:
        if self._connection is None:
            made = Connection(
                self._url,
                heartbeat=_HEARTBEAT_SECONDS,
                connect_timeout=_TIMEOUT_SECONDS,
                transport_options={
                    "confirm_publish": True,
                    "confirm_timeout": _TIMEOUT_SECONDS,
                    "read_timeout": _TIMEOUT_SECONDS,
                    "write_timeout": _TIMEOUT_SECONDS,
                },
                ssl=self._tls,
            )
            try:
                made.connect()
            except (*made.recoverable_connection_errors, TimeoutError) as exc:
                raise StorageUnavailable(f"RabbitMQ can't be reached: {exc}") from exc
            self._connection = made
            self.generation += 1
            threading.Thread(target=self._beat, args=(made,), daemon=True).start()
        return self._connection

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(Exception):
                connection.collect()

    def _beat(self, connection: Any) -> None:
        while not self._stopped.wait(_BEAT_SECONDS):
            with self._lock:
                if self._connection is not connection:
                    return
                try:
                    connection.heartbeat_check(_HEARTBEAT_SECONDS / _BEAT_SECONDS)
                except Exception:  # noqa: BLE001  (whatever it is, the connection is of no use)
                    self._drop()
                    return
