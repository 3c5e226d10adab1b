"""Which events came before: an event that was published again, after a crash, counts once."""

from __future__ import annotations

from collections import deque

#: So many events are remembered; one is published again within minutes.
REMEMBERED = 300_000


class Latest:
    """Ids of the latest events, some 100 bytes each."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._order: deque[int] = deque()
        self._known: set[int] = set()
        self._remembered = remembered

    def is_new(self, event_id: str) -> bool:
        """Whether it did not come before; it is known from now on."""
        mark = hash(event_id)
        if mark in self._known:
            return False
        if len(self._order) == self._remembered:
            self._known.discard(self._order.popleft())
        self._order.append(mark)
        self._known.add(mark)
        return True
