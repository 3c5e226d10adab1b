"""Lines written by a thread of their own, many at once: a task never waits for whoever reads them.

A write lets go of the interpreter's lock, which a task gets back late when others want it too; with
one write a line that costs more than making the line does.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable
from queue import SimpleQueue

from parsekit.logs.record import LineFormatter, LogEntry

log = logging.getLogger("parsekit.logs")

#: Lines of so much time are written at once, seconds.
GATHER_S = 0.25
#: Lines that may wait for a reader who takes none; more are lost, and counted.
MOST_WAITING = 10_000
#: How long the end of the process waits until all is written, seconds.
PATIENCE_S = 1.0
#: How often one that waits looks, seconds.
_LOOK_S = 0.01


class BatchingHandler(logging.Handler):
    """Makes lines and hands them to ``write(text)``, many at once, soon after they were told.

    What comes through `logging` becomes text at once, as its arguments may change. What is critical
    is written, with all that was told before it, when the call returns. May be called from a signal
    handler: it takes no lock (`queue.SimpleQueue` promises the same).
    """

    def __init__(self, formatter: LineFormatter, write: Callable[[str], None]) -> None:
        super().__init__()
        self.setFormatter(formatter)
        self._text_of = formatter.text
        self._write = write
        self._begin()
        atexit.register(self.flush)
        os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        """Begin with nothing: what a parent has not written yet is the parent's to write."""
        self._lines: SimpleQueue[str | LogEntry] = SimpleQueue()
        self._taken = self._written = self._lost = 0
        self._thread: threading.Thread | None = None

    def handle(self, record: logging.LogRecord) -> bool:
        """Take a line from any thread, without the lock that logging would hold meanwhile."""
        kept = bool(self.filter(record))
        if kept:
            self.emit(record)
        return kept

    def emit(self, record: logging.LogRecord) -> None:
        """Make the line. Raises nothing."""
        try:
            self.take(self.format(record))
        except Exception:  # noqa: BLE001  (a line that can't be made fails nobody)
            self._lost += 1
        if record.levelno >= logging.CRITICAL:
            self.flush()

    def take(self, line: str | LogEntry) -> None:
        """Keep a line until it is written."""
        if self._lines.qsize() >= MOST_WAITING:
            self._lost += 1
            return
        self._lines.put(line)
        if self._thread is None:
            # Two threads may start one each, which does no harm but to the order of their lines.
            self._thread = threading.Thread(target=self._run, daemon=True, name="parsekit-log")
            self._thread.start()

    def flush(self) -> None:
        """Wait until what was told so far is written, for `PATIENCE_S` at most."""
        if self._thread is None or threading.current_thread() is self._thread:
            return
        told, end = self._taken + self._lines.qsize(), time.monotonic() + PATIENCE_S
        while self._written < told and time.monotonic() < end:
            time.sleep(_LOOK_S)

    def _run(self) -> None:
        while True:
            lines = [self._lines.get()]
            self._taken += 1
            time.sleep(GATHER_S)
            rest = [self._lines.get() for _ in range(self._lines.qsize())]
            self._taken += len(rest)
            lines += rest
            are_out = self._write_all(lines)
            self._written += len(lines)
            if are_out:
                self._tell_lost()

    def _write_all(self, lines: Iterable[str | LogEntry]) -> bool:
        """Write them at once, and count those that are lost; whether somebody took the others."""
        texts = [text for line in lines if (text := self._made(line))]
        try:
            self._write("".join(texts))
        except Exception:  # noqa: BLE001  (nobody reads any more, or a disk is full)
            self._lost += len(texts)  # some of them may be written, nobody knows how many
            return False
        return True

    def _made(self, line: str | LogEntry) -> str:
        """The text of a line; empty when it can't be made, which costs no other line."""
        try:
            return (line if isinstance(line, str) else self._text_of(line)) + "\n"
        except Exception:  # noqa: BLE001  (whatever a formatter's own mistake is)
            self._lost += 1
            return ""

    def _tell_lost(self) -> None:
        """Tell how many were lost, when lines are taken again: this one would be lost as well."""
        lost, self._lost = self._lost, 0
        if lost:
            log.warning("%d lines of this log were lost: not taken, or not to be made", lost)
