"""One JSON object a line, for machines: what a caller sends can't end a line or begin another."""

from __future__ import annotations

import json
import logging
import time
from functools import lru_cache

from parsekit.logs.record import line_of

#: Made once: `json.dumps` would make it for each line.
_encode = json.JSONEncoder(separators=(",", ":")).encode
#: The one control character that JSON lets through in ASCII.
_DELETE = "\x7f"


class JsonLines(logging.Formatter):
    """``time``, ``level``, ``logger``, ``message``, what is known of the task, ``traceback``."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a line. Raises nothing."""
        line = line_of(record)
        content = {
            "time": f"{_second(int(line.at_unix))}.{int(line.at_unix % 1 * 1000):03}Z",
            "level": line.level,
            "logger": line.logger,
            "message": line.message,
            **line.facts,
        }
        if line.traceback:
            content["traceback"] = line.traceback
        return _encode(content).replace(_DELETE, "\\u007f")


@lru_cache(maxsize=2)
def _second(at_unix: int) -> str:
    """RFC 3339 in UTC, without fraction and zone; lines come many a second."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at_unix))
