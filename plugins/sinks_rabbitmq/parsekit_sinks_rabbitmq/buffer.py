"""Messages that wait in memory, in order and within bounds."""

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
    """A queue that drops the oldest when it is full, and what is to be kept last.

    Used from several threads. What it drops is answered, so that it can be counted.
    """

    def __init__(self, max_messages: int = MAX_MESSAGES, max_bytes: int = MAX_BYTES) -> None:
        self._max_messages, self._max_bytes = max_messages, max_bytes
        self._lock = threading.Lock()
        self._messages: deque[Message] = deque()
        self._bytes = 0

    def __len__(self) -> int:
        """How many wait."""
        return len(self._messages)

    @property
    def holds_kept(self) -> bool:
        """Whether something waits that is to be kept."""
        with self._lock:
            return any(message.keep for message in self._messages)

    def add(self, message: Message) -> list[Message]:
        """Append; answer what had to go for it."""
        with self._lock:
            self._messages.append(message)
            self._bytes += len(message.body)
            return self._shrink()

    def give_back(self, messages: Iterable[Message]) -> list[Message]:
        """Put back, in their order, before all others; answer what had to go for them."""
        with self._lock:
            back = list(messages)
            self._messages.extendleft(reversed(back))
            self._bytes += sum(len(message.body) for message in back)
            return self._shrink()

    def take(self, most: int) -> list[Message]:
        """Remove and answer the first ones."""
        with self._lock:
            taken = [self._messages.popleft() for _ in range(min(most, len(self._messages)))]
            self._bytes -= sum(len(message.body) for message in taken)
            return taken

    def _shrink(self) -> list[Message]:
        gone = []
        while len(self._messages) > self._max_messages or self._bytes > self._max_bytes:
            index = next((i for i, m in enumerate(self._messages) if not m.keep), 0)
            gone.append(self._messages[index])
            self._bytes -= len(self._messages[index].body)
            del self._messages[index]
        return gone
