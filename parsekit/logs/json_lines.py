"""One JSON object a line, for machines: what a caller sends can't end a line or begin another."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from math import isfinite

from parsekit.logs.record import Line, LineFormatter

#: Made once: `json.dumps` would make one a line.
_encode = json.JSONEncoder(separators=(",", ":")).encode


class JsonLines(LineFormatter):
    """``time``, ``level``, ``logger``, ``message``, what is known of the task, ``traceback``."""

    def made(self, line: Line) -> str:
        """Make the text of a line; it is ASCII."""
        at = datetime.fromtimestamp(line.at_unix, UTC).isoformat(timespec="milliseconds")
        facts = {name: _number(value) for name, value in line.facts.items()}
        if line.traceback:
            facts["traceback"] = line.traceback
        text = _encode(
            dict(
                time=at.replace("+00:00", "Z"),
                level=line.level,
                logger=line.logger,
                message=line.message,
                **facts,
            )
        )
        return text.replace("\x7f", "\\u007f")  # the one control character that JSON lets through


def _number(value: object) -> object:
    """None for a number that JSON has not."""
    return None if isinstance(value, float) and not isfinite(value) else value
