"""Every line of this process through one handler: ours, Celery's, and other libraries'."""

from __future__ import annotations

import logging
import sys
import threading
from types import TracebackType
from typing import Literal, TextIO

from parsekit.logs.json_lines import JsonLines
from parsekit.logs.text_lines import TextLines

Format = Literal["auto", "json", "text"]
Level = Literal["debug", "info", "warning", "error"]

log = logging.getLogger("parsekit")


class CurrentStderr(logging.StreamHandler[TextIO]):
    """Writes to whatever ``sys.stderr`` is now; a line that can't be written is counted."""

    def __init__(self, formatter: logging.Formatter) -> None:
        super().__init__()
        self.lost = 0
        self.setFormatter(formatter)

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line, whole."""
        self.stream = sys.stderr
        super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  (logging's name)
        """Say nothing: logging's own way shows the message as it came, secrets and all."""
        del record
        self.lost += 1


def set_up(form: Format = "auto", level: int | str = logging.INFO) -> None:
    """Send all lines of this level and above to standard error, and nothing anywhere else.

    ``auto`` means text on a terminal, else JSON. Exceptions that nobody caught, and Python's
    warnings, become lines as well.
    """
    text = form == "text" or (form == "auto" and sys.stderr.isatty())
    root = logging.getLogger()
    root.handlers = [CurrentStderr(TextLines() if text else JsonLines())]
    root.setLevel(level.upper() if isinstance(level, str) else level)
    logging.captureWarnings(True)
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread


def _uncaught(kind: type[BaseException], error: BaseException, at: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    log.critical("the program ends by an error", exc_info=(kind, error, at))


def _uncaught_in_thread(given: threading.ExceptHookArgs) -> None:
    if given.exc_value is None or given.exc_type is SystemExit:
        return
    name = given.thread.name if given.thread else "?"
    info = (given.exc_type, given.exc_value, given.exc_traceback)
    log.error("thread %s ends by an error", name, exc_info=info)
