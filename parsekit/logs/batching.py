"""Lines queued by the thread that logs and written by another, many at once.

A write lets go of the interpreter's lock, which a task gets back late when others want it too; with
one write a line that costs more than making the line does.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections.abc import Callable
from logging.handlers import QueueHandler
from queue import SimpleQueue

from parsekit.logs.record import with_facts

log = logging.getLogger("parsekit.logs")

#: Lines of so much time are written at once, seconds.
GATHER_S = 0.25
#: Lines that may wait for a reader who takes none; more are lost, and counted.
MOST_WAITING = 10_000
#: How long the end of the process waits until all is written, seconds.
FLUSH_WAIT_S = 1.0


class BatchingHandler(QueueHandler):
    """Has ``write(text)`` called soon, with the lines of many records.

    Message and facts of the task are read at once, as arguments and task go on. The line is made by
    the thread that writes it: many in a row take half of the time. What is critical is written,
    with all that was logged before it, when the call returns. May be called from a signal handler:
    `queue.SimpleQueue` promises to be reentrant.

    A thread of its own in place of `QueueListener`, which writes one line at a time, waits without
    a limit for its end, and knows nothing of forks.
    """

    queue: SimpleQueue[logging.LogRecord | threading.Event]

    def __init__(self, write: Callable[[str], None]) -> None:
        super().__init__(SimpleQueue())
        self._write = write
        self._begin()
        atexit.register(self.flush)
        os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        """Begin with nothing: what a parent has not written yet is the parent's to write."""
        self.queue = SimpleQueue()
        self._lost = 0
        self._thread: threading.Thread | None = None

    def handle(self, record: logging.LogRecord) -> bool:
        """Queue the line of a record, and wait for it where it is critical."""
        kept = bool(super().handle(record))
        if kept and record.levelno >= logging.CRITICAL:
            self.flush()
        return kept

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """Read what will be another's by the time that the line is made."""
        return with_facts(record)

    def enqueue(self, record: logging.LogRecord) -> None:
        """Keep a record until its line is written."""
        if self.queue.qsize() >= MOST_WAITING:
            self._lost += 1
            return
        self.queue.put(record)
        if self._thread is None:
            # Two threads may start one each, which does no harm but to the order of their lines.
            self._thread = threading.Thread(target=self._run, daemon=True, name="parsekit-log")
            self._thread.start()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  (logging's name)
        """Count a line that can't be made."""
        del record
        self._lost += 1

    def flush(self) -> None:
        """Wait until what was logged so far is written, for `FLUSH_WAIT_S` at most."""
        if self._thread is not None and threading.current_thread() is not self._thread:
            written = threading.Event()
            self.queue.put(written)
            written.wait(FLUSH_WAIT_S)

    def _run(self) -> None:
        while True:
            taken = [self.queue.get()]
            if isinstance(taken[0], logging.LogRecord):
                time.sleep(GATHER_S)
            taken += [self.queue.get() for _ in range(self.queue.qsize())]
            self._write_all([each for each in taken if isinstance(each, logging.LogRecord)])
            for waiting in taken:
                if isinstance(waiting, threading.Event):
                    waiting.set()

    def _write_all(self, records: list[logging.LogRecord]) -> None:
        """Write their lines at once, and count those that are lost."""
        texts = [text for record in records if (text := self._made(record))]
        try:
            self._write("".join(texts))
        except Exception:  # noqa: BLE001  (nobody reads any more, or a disk is full)
            self._lost += len(texts)  # some of them may be written, nobody knows how many
            return  # what is logged of it now would be lost as well
        lost, self._lost = self._lost, 0
        if lost:
            log.warning("%d lines of this log were lost: not taken, or not to be made", lost)

    def _made(self, record: logging.LogRecord) -> str:
        """The text of a line; empty when it can't be made, which costs no other line."""
        try:
            return self.format(record) + "\n"
        except Exception:  # noqa: BLE001  (whatever a formatter's own mistake is)
            self.handleError(record)
            return ""
