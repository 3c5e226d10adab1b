"""Lines for people at a terminal, which obeys nothing that stands in them."""

from __future__ import annotations

import time

from parsekit.logs.record import Line, LineFormatter
from parsekit.redaction.terminal_text import printable

#: Stands before each line of a traceback, so that none looks like a line of the log.
_MARGIN = "    | "


class TextLines(LineFormatter):
    """``12:00:00.123 info parse ok (parser=local attempt=1 duration_ms=12)``, local time."""

    def made(self, line: Line) -> str:
        """Make the text of a line, and a traceback below it."""
        facts = " ".join(f"{name}={printable(str(value))}" for name, value in line.facts.items())
        shown = f"{_clock(line)} {line.level:<7} {printable(line.message)}"
        if facts:
            shown += f" ({facts})"
        below = (f"\n{_MARGIN}{printable(row)}" for row in line.traceback.splitlines())
        return shown + "".join(below)


def _clock(line: Line) -> str:
    at = time.localtime(line.at_unix)
    return f"{time.strftime('%H:%M:%S', at)}.{int(line.at_unix % 1 * 1000):03}"
