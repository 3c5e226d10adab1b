"""What a library says while a command runs that expected nothing: shown as `cli.logs` shows it.

Python's own ways print messages, tracebacks and warnings as they are, secrets and all. What shows
lines is imported when there is one, as most commands have none.
"""

from __future__ import annotations

import logging
import threading
import warnings
from typing import TextIO


class _Late(logging.Handler):
    """For lines that no handler takes; the first of them brings the handler."""

    def emit(self, record: logging.LogRecord) -> None:
        """Show it."""
        from parsekit.cli.logs import show_logs  # noqa: PLC0415

        show_logs()
        logging.getLogger().handle(record)


def install_excepthooks() -> None:
    """Show also what was not meant to be shown; a worker's own logs take the place of this."""
    logging.lastResort = _Late(logging.WARNING)
    warnings.showwarning = _warned
    threading.excepthook = _ended


def _warned(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    del filename, lineno, file, line
    logging.getLogger("py.warnings").warning("%s: %s", category.__name__, message)


def _ended(given: threading.ExceptHookArgs) -> None:
    from parsekit.logs.setup import uncaught_in_thread  # noqa: PLC0415

    uncaught_in_thread(given)
