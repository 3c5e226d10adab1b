"""What the host logs while a command runs: a line on standard error for each warning."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

from parsekit.cli.failures import debugging
from parsekit.formats.plain import printable


class _Line(logging.Formatter):
    """``warning: …``; tracebacks only for those who asked."""

    def format(self, record: logging.LogRecord) -> str:
        line = f"{record.levelname.lower()}: {printable(record.getMessage())}"
        if record.exc_info and record.exc_info[1] is not None:
            line += f": {printable(repr(record.exc_info[1]))}"
        if record.exc_info and debugging():
            line += f"\n{self.formatException(record.exc_info)}"
        return line


class _CurrentStderr(logging.StreamHandler[TextIO]):
    """Writes to whatever ``sys.stderr`` is now: a live bar takes its place for a while."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


def show_logs() -> None:
    """Show warnings and errors of parsekit and its plugins."""
    handler = _CurrentStderr()
    handler.setFormatter(_Line())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
