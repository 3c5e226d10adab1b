"""One JSON object a line, for machines: what a caller sends can't end a line or begin another."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from json.encoder import encode_basestring_ascii as _quoted
from math import isfinite
from typing import Any

from parsekit.logs.context import Facts
from parsekit.logs.record import MAX_MESSAGE, LineFormatter, Told, line_of
from parsekit.logs.redaction import may_hold_secret

#: Made once: `json.dumps` would make it for each number.
_encoded = json.JSONEncoder(default=str).encode
#: What most facts are is written without it: it takes a microsecond for each of them.
_WRITERS: Mapping[type, Callable[[Any], str]] = {
    str: _quoted,
    int: int.__repr__,
    bool: ("false", "true").__getitem__,
    float: lambda value: float.__repr__(value) if isfinite(value) else _encoded(value),
}
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
        line = _object(told.at_unix, told.level_name, told.logger, told.message, told.facts)
    except (TypeError, ValueError, RecursionError):
        return None
    return None if len(line) > MAX_MESSAGE or may_hold_secret(line) else line


def _cleaned(told: Told) -> str:
    line = line_of(told)
    facts = {**line.facts, "traceback": line.traceback}
    return _object(line.at_unix, line.level, line.logger, line.message, facts)


def _object(at_unix: float, level: str, logger: str, message: str, facts: Facts) -> str:
    """The JSON object, without empty facts, put together by hand: `json` takes three times as long.

    Raises TypeError, ValueError or RecursionError for facts that are no JSON.
    """
    second = int(at_unix)
    time_text = f"{_second(second)}.{int((at_unix - second) * 1000):03}Z"
    parts = [f'{{"time":"{time_text}","level":"{level}","logger":{_quoted(logger)}']
    parts += (_member("message"), _quoted(message))
    for name, value in facts.items():
        if value is not None and (value or not isinstance(value, str)):
            parts += (_member(name), _WRITERS.get(type(value), _encoded)(value))
    parts.append("}")
    return "".join(parts).replace(_DELETE, "\\u007f")


@lru_cache(maxsize=128)
def _member(name: str) -> str:
    """What stands before a value; there are few names."""
    return f",{_quoted(name)}:"


@lru_cache(maxsize=2)
def _second(at_unix: int) -> str:
    """RFC 3339 in UTC, without fraction and zone; lines come many a second."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at_unix))
