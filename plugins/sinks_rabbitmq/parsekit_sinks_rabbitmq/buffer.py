"""Progress that waits in memory, in order and within bounds."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable

from parsekit_sinks_rabbitmq.message import Message

#: A task makes about five messages, of which the last carries the result.
MAX_MESSAGES = 1000
#: A result is some 100 kB.
MAX_BYTES = 64 * 1024 * 1024


class Buffer:
    """A queue that evicts the oldest when it is full; the ends of tasks only for want of bytes.

    Used from several threads. What it evicts is returned.
    """

    def __init__(self, max_messages: int = MAX_MESSAGES, max_bytes: int = MAX_BYTES) -> None:
        self._max_messages, self._max_bytes = max_messages, max_bytes
        self._lock = threading.Lock()
        self._messages: deque[Message] = deque()
        self._bytes = 0
        self._durable = 0

    def __len__(self) -> int:
        """How many wait."""
        return len(self._messages)

    @property
    def holds_durable(self) -> bool:
        """Whether the end of a task waits."""
        return self._durable > 0

    def add(self, message: Message) -> list[Message]:
        """Append; return what was evicted for it."""
        with self._lock:
            self._messages.append(message)
            self._count([message], 1)
            return self._evicted()

    def put_back(self, messages: Iterable[Message]) -> list[Message]:
        """Insert, in their order, before all others; return what was evicted for them."""
        with self._lock:
            back = list(messages)
            self._messages.extendleft(reversed(back))
            self._count(back, 1)
            return self._evicted()

    def take(self, limit: int) -> list[Message]:
        """Remove and return the first ones."""
        with self._lock:
            taken = [self._messages.popleft() for _ in range(min(limit, len(self._messages)))]
            self._count(taken, -1)
            return taken

    def _count(self, messages: Iterable[Message], sign: int) -> None:
        for message in messages:
            self._bytes += sign * len(message.body)
            self._durable += sign * message.durable

    def _evicted(self) -> list[Message]:
        gone = []
        while self._is_full():
            index = next((i for i, m in enumerate(self._messages) if not m.durable), 0)
            gone.append(self._messages[index])
            self._count(gone[-1:], -1)
            del self._messages[index]
        return gone

    def _is_full(self) -> bool:
        steps = len(self._messages) - self._durable
        return self._bytes > self._max_bytes or (
            steps > 0 and len(self._messages) > self._max_messages
        )
