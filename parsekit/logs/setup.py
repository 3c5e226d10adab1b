"""Every line of this process through one handler: ours, Celery's, and other libraries'."""

from __future__ import annotations

import logging
import sys
import threading
from logging.handlers import WatchedFileHandler
from types import TracebackType
from typing import Literal, TextIO

from parsekit.logs.batching import BatchingHandler
from parsekit.logs.json_lines import JsonLines
from parsekit.logs.text_lines import TextLines

Format = Literal["auto", "json", "text"]

log = logging.getLogger("parsekit")


class _Discreet(logging.Handler):
    """Keeps silent about a line that can't be written.

    logging's own way shows the message as it came, with its arguments: secrets, line ends and all.
    """

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  (logging's name)
        """Lose the line."""


class CurrentStderr(_Discreet, logging.StreamHandler[TextIO]):
    """Writes to whatever ``sys.stderr`` is now: a live bar takes its place for a while."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line, whole."""
        self.stream = sys.stderr
        super().emit(record)


class _File(_Discreet, WatchedFileHandler):
    """Appends to a file, and to a new one after somebody moved it away."""


def _to_stderr(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


def set_up(form: Format = "auto", level: int | str = "INFO", file: str | None = None) -> None:
    """Send all lines of this level and above to standard error, or to ``file``, and nowhere else.

    ``auto`` means text on a terminal, else JSON. Exceptions that nobody caught, and Python's
    warnings, become lines as well.
    """
    terminal = file is None and sys.stderr.isatty()
    text = form == "text" or (form == "auto" and terminal)
    handler = BatchingHandler(_to_stderr) if file is None else _File(file, encoding="utf-8")
    handler.setFormatter(TextLines() if text else JsonLines())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    logging.captureWarnings(True)
    # No line shows them, and asking costs a third of a line (Python's logging HOWTO, Optimization).
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # noqa: SLF001  (as the HOWTO has it)
    sys.excepthook = _uncaught
    threading.excepthook = uncaught_in_thread


def flush() -> None:
    """Have written what was logged so far, before the process ends past Python's own end."""
    for handler in logging.getLogger().handlers:
        handler.flush()


def _uncaught(kind: type[BaseException], error: BaseException, at: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    log.critical("the program ends by an error", exc_info=(kind, error, at))


def uncaught_in_thread(given: threading.ExceptHookArgs) -> None:
    """For ``threading.excepthook``: log what ended a thread."""
    if given.exc_value is None or given.exc_type is SystemExit:
        return
    name = given.thread.name if given.thread else "?"
    info = (given.exc_type, given.exc_value, given.exc_traceback)
    log.error("thread %s ends by an error", name, exc_info=info)
