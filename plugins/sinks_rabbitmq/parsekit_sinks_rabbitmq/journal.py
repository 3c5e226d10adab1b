"""The ends of tasks, written down until they are sent: the process may be killed meanwhile.

Its own process sends them from memory. Once that is dead, another takes the files over.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from pathlib import Path

from parsekit_sinks_rabbitmq.message import Message
from parsekit_sinks_rabbitmq.spool import ENDS, make_segment

log = logging.getLogger("parsekit.rabbitmq")

#: Ends that wait, all together; those beyond wait in memory alone.
JOURNAL_BYTES = 64 * 1024 * 1024
#: Size at which a page is full: it goes once all that stands on it was sent.
PAGE_BYTES = 4 * 1024 * 1024


class _Page:
    """A segment, and where each message begins that is still to be sent."""

    def __init__(self, folder: Path) -> None:
        self.segment = make_segment(folder, ENDS)
        self.starts: dict[str, int] = {}

    def add(self, message: Message) -> None:
        """Write it down, at the end if it was reported before. Raises OSError or ValueError."""
        start = self.segment.append(message)
        self.starts.pop(message.message_id, None)
        self.starts[message.message_id] = start

    def settle(self, message_ids: Iterable[str]) -> None:
        """Forget these, as far as they stand here. Raises OSError."""
        here = [message_id for message_id in message_ids if message_id in self.starts]
        for message_id in here:
            del self.starts[message_id]
        if here:
            self.segment.mark_sent(next(iter(self.starts.values()), self.segment.size_bytes))


class Journal:
    """Pages of one process. Used from several threads."""

    def __init__(self, folder: Path, max_bytes: int = JOURNAL_BYTES) -> None:
        self._folder, self._max_bytes = folder, max_bytes
        self._lock = threading.Lock()
        self._pages: list[_Page] = []
        self._unwritable = False

    def add(self, message: Message) -> None:
        """Write it down, if the disk takes it."""
        with self._lock:
            try:
                if self._has_room(message):
                    self._page().add(message)
            except (OSError, ValueError) as exc:
                if not self._unwritable:
                    log.warning("the ends of tasks wait in memory alone: %s", exc)
                self._unwritable = True
            else:
                self._unwritable = False

    def settled(self, messages: Iterable[Message]) -> None:
        """Nothing more is to become of these."""
        message_ids = {message.message_id for message in messages}
        with self._lock:
            for page in self._pages:
                try:
                    page.settle(message_ids)
                except OSError as exc:  # they would be sent twice, were we killed now
                    log.warning("the spool can't be written: %s", exc)
            for page in [page for page in self._pages[:-1] if not page.starts]:
                page.segment.close()
                self._pages.remove(page)

    def holds(self, message: Message) -> bool:
        """Whether it is written down, for others to send."""
        with self._lock:
            return any(message.message_id in page.starts for page in self._pages)

    def close(self) -> None:
        """Leave what was not sent to other processes."""
        with self._lock:
            for page in self._pages:
                page.segment.close()
            self._pages.clear()

    def _has_room(self, message: Message) -> bool:
        used = sum(page.segment.size_bytes for page in self._pages)
        return used + len(message.body) <= self._max_bytes

    def _page(self) -> _Page:
        """The page to write on. Raises OSError."""
        if not self._pages or self._pages[-1].segment.size_bytes > PAGE_BYTES:
            self._pages.append(_Page(self._folder))
        return self._pages[-1]
