"""One JSON object a line, for machines: what a caller sends can't end a line or begin another."""

from __future__ import annotations

import json
import time
from functools import lru_cache
from json.encoder import encode_basestring_ascii as _quoted

from parsekit.logs.context import Facts
from parsekit.logs.record import MAX_MESSAGE, LineFormatter, Told, line_of
from parsekit.logs.redaction import may_hold_secret

#: Made once: `json.dumps` would make it for each number.
_encoded = json.JSONEncoder(default=str).encode
#: The one control character that JSON lets through in ASCII.
_DELETE = "\x7f"


class JsonLines(LineFormatter):
    """``time``, ``level``, ``logger``, ``message``, what is known of the task, ``traceback``."""

    def text(self, told: Told) -> str:
        """Write a line. Raises nothing."""
        return _as_it_is(told) or _cleaned(told)


def _as_it_is(told: Told) -> str | None:
    """A line that is short and can't hold a secret, as most are; else None."""
    if told.error is not None:
        return None
    try:
        text = _object(told.at_unix, told.level_name, told.logger, told.message, told.facts)
    except (TypeError, ValueError, RecursionError):
        return None
    return None if len(text) > MAX_MESSAGE or may_hold_secret(text) else text


def _cleaned(told: Told) -> str:
    line = line_of(told)
    facts = {**line.facts, "traceback": line.traceback}
    return _object(line.at_unix, line.level, line.logger, line.message, facts)


def _object(at_unix: float, level: str, logger: str, message: str, facts: Facts) -> str:
    """The JSON object without empty facts, put together by hand: `json` takes twice as long."""
    second = int(at_unix)
    time_text = f"{_second(second)}.{int((at_unix - second) * 1000):03}Z"
    members = [
        f'{{"time":"{time_text}","level":"{level}","logger":{_quoted(logger)}',
        f'"message":{_quoted(message)}',
    ]
    for name, value in facts.items():
        if isinstance(value, str):
            if value:
                members.append(f"{_quoted(name)}:{_quoted(value)}")
        elif value is not None:
            members.append(f"{_quoted(name)}:{_encoded(value)}")
    return f"{','.join(members)}}}".replace(_DELETE, "\\u007f")


@lru_cache(maxsize=2)
def _second(at_unix: int) -> str:
    """RFC 3339 in UTC, without fraction and zone; lines come many a second."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at_unix))
