"""One JSON object a line, for machines: what a caller sends can't end a line or begin another."""

from __future__ import annotations

import json
import logging

from parsekit.events import moment
from parsekit.logs.record import line_of

#: The one control character that JSON lets through in ASCII.
_DELETE = "\x7f"


class JsonLines(logging.Formatter):
    """``time``, ``level``, ``logger``, ``message``, what is known of the task, ``traceback``."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a line. Raises nothing."""
        line = line_of(record)
        content = {
            "time": moment(line.at_unix),
            "level": line.level,
            "logger": line.logger,
            "message": line.message,
            **line.facts,
        }
        if line.traceback:
            content["traceback"] = line.traceback
        return json.dumps(content, separators=(",", ":")).replace(_DELETE, "\\u007f")
