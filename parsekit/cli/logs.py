"""What the host logs while a command runs: a line on standard error for each warning."""

from __future__ import annotations

import logging

from parsekit.cli.exit import debugging
from parsekit.logs.record import line_of
from parsekit.logs.setup import CurrentStderr
from parsekit.redaction.secrets import cleaned
from parsekit.redaction.terminal_text import printable, printable_lines


class _Line(logging.Formatter):
    """``warning: …``; tracebacks only for those who asked."""

    def format(self, record: logging.LogRecord) -> str:
        line = line_of(record)
        shown = f"{line.level}: {printable(line.message)}"
        if record.exc_info and record.exc_info[1] is not None:
            shown += f": {printable(cleaned(repr(record.exc_info[1])))}"
        if line.traceback and debugging():
            shown += f"\n{printable_lines(line.traceback)}"
        return shown


#: Says where a parser raised: a matter for its author, as the replay's own line says that it did.
_FOR_AUTHORS = "parsekit.parsing"


def show_logs() -> None:
    """Show warnings and errors of parsekit and its plugins."""
    handler = CurrentStderr()
    handler.addFilter(lambda record: record.name != _FOR_AUTHORS or debugging())
    handler.setFormatter(_Line())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
