"""Locks in RabbitMQ: an exclusive queue belongs to one connection and ends with it, at once.

They serve deployments without Redis. The lock of a process that is killed is free as soon as the
broker sees its connection end.
"""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass
from typing import Any

from amqp.exceptions import ResourceLocked

from parsekit.worker.amqp_link import AmqpLink

_PREFIX = "parsekit.lock."


class AmqpLocks:
    """Locks of this process; exclude its own threads from each other as well."""

    def __init__(self, link: AmqpLink) -> None:
        self._link = link
        self._mine: dict[str, int] = {}
        self._guard = threading.Lock()

    def acquire(self, name: str) -> int:
        """Take the lock; answers a token, 0 while somebody has it. Raises `StorageUnavailable`."""
        with self._guard:
            if self.holds(name, self._mine.get(name, 0)):
                return 0
            try:
                token = self._link.use(lambda channel: self._declared(channel, name))
            except ResourceLocked:
                return 0
            self._mine[name] = token
            return token

    def _declared(self, channel: Any, name: str) -> int:
        """The connection that has the lock: asked while no other can take the link's place."""
        channel.queue_declare(
            _queue(name),
            exclusive=True,
            durable=False,
            auto_delete=True,
            arguments={"x-queue-type": "classic"},
        )
        return self._link.generation

    def holds(self, name: str, token: int) -> bool:
        """Whether this lock, taken with this token, is still ours."""
        return bool(token) and self._mine.get(name) == token == self._link.generation

    def release(self, name: str, token: int) -> None:
        """Let go of it. Raises `StorageUnavailable`."""
        with self._guard:
            if self._mine.pop(name, 0) == token:
                self._link.use(lambda channel: self._delete(channel, name, token))

    def _delete(self, channel: Any, name: str, token: int) -> None:
        """Nothing where the connection that had it is gone, and the lock with it."""
        if token == self._link.generation:
            channel.queue_delete(_queue(name))


def _queue(name: str) -> str:
    """Keys of flights are longer than the 255 bytes that a queue's name may have."""
    return _PREFIX + hashlib.sha256(name.encode()).hexdigest()


class AmqpFlights:
    """Flights in a deployment without Redis.

    A waiting task keeps no flight: the parser's ticket stands in the storage, and whoever claims
    the flight next goes on from it, so there is still one upload.
    """

    def __init__(self, locks: AmqpLocks) -> None:
        self._locks = locks

    def claim(self, key: str, *, owner: str) -> AmqpFlight | None:
        """Take the flight; None while another task has it. Raises `StorageUnavailable`."""
        del owner  # one run of a task at a time is the ledger's business
        token = self._locks.acquire(f"flight:{key}")
        return AmqpFlight(self._locks, f"flight:{key}", token) if token else None


@dataclass(frozen=True, slots=True)
class AmqpFlight:
    """A flight of `AmqpFlights`."""

    locks: AmqpLocks
    name: str
    token: int

    def hold(self, seconds: float) -> None:
        """Let go: the ticket is enough to go on."""
        del seconds
        self.release()

    def release(self) -> None:
        """Let the next task have it."""
        self.locks.release(self.name, self.token)
