"""One JSON object a line, for machines: what a caller sends can't end a line or begin another."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from json.encoder import encode_basestring_ascii as _quoted
from math import isfinite
from typing import Any

from parsekit.logs.context import NAMES
from parsekit.logs.record import MAX_MESSAGE, LineFormatter, LogEntry, line_of
from parsekit.redaction.secrets import may_hold_secret, when_remembering

#: Made once: `json.dumps` would make it for each number.
_encoded = json.JSONEncoder(default=str).encode
#: What most facts are is written without it: it takes a microsecond for each of them.
_WRITERS: Mapping[type, Callable[[Any], str]] = {
    str: _quoted,
    int: int.__repr__,
    bool: ("false", "true").__getitem__,
    float: lambda value: float.__repr__(value) if isfinite(value) else "null",  # as JSON has none
}
#: The one control character that JSON lets through in ASCII.
_DELETE = "\x7f"


class JsonLines(LineFormatter):
    """``time``, ``level``, ``logger``, ``message``, what is known of the task, ``traceback``."""

    def made(self, told: LogEntry) -> str:
        """Make the text of a line."""
        return _as_it_is(told) or _cleaned(told)


def _as_it_is(told: LogEntry) -> str | None:
    """A line that is short and can't hold a secret, as most are; else None."""
    if told.error is not None:
        return None
    names, texts, written = [], [told.message], [_time(told.at_unix), _quoted(told.message)]
    for name, value in told.facts.items():
        kind = type(value)
        if kind not in _WRITERS:
            if value is None:
                continue
            return None
        if isinstance(value, str):
            if not value:
                continue
            if name not in NAMES:
                texts.append(value)
        names.append(name)
        written.append(_WRITERS[kind](value))
    shape = _shape(told.level_name, told.logger, tuple(names))
    if shape is None or may_hold_secret(" ".join(texts)):
        return None
    line = (shape % tuple(written)).replace(_DELETE, "\\u007f")
    return None if len(line) > MAX_MESSAGE else line


def _cleaned(told: LogEntry) -> str:
    line = line_of(told)
    facts = {**line.facts, "traceback": line.traceback}
    known = {name: value for name, value in facts.items() if value is not None and value != ""}
    written = (_WRITERS.get(type(value), _other)(value) for value in known.values())
    shape = _template(line.level, line.logger, known)
    text = shape % (_time(line.at_unix), _quoted(line.message), *written)
    return text.replace(_DELETE, "\\u007f")


def _other(value: object) -> str:
    """Numbers of a library's own types."""
    return _WRITERS[float](value) if isinstance(value, float) else _encoded(value)


@lru_cache(maxsize=256)
def _shape(level: str, logger: str, names: tuple[str, ...]) -> str | None:
    """What lines of these facts have in common; None where a name may belong to a secret."""
    template = _template(level, logger, names)
    return None if may_hold_secret(template) else template


def _template(level: str, logger: str, names: Iterable[str]) -> str:
    """A line with gaps, put together by hand: `json` takes three times as long."""
    head = f'"level":{_quoted(level)},"logger":{_quoted(logger)},"message":'.replace("%", "%%")
    facts = "".join(f",{_quoted(name)}:".replace("%", "%%") + "%s" for name in names)
    return f'{{"time":"%s",{head}%s{facts}}}'


def _time(at_unix: float) -> str:
    """RFC 3339 in UTC, with milliseconds."""
    second = int(at_unix)
    return f"{_second(second)}.{int((at_unix - second) * 1000):03}Z"


when_remembering(_shape.cache_clear)


@lru_cache(maxsize=2)
def _second(at_unix: int) -> str:
    """RFC 3339 in UTC, without fraction and zone; lines come many a second."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at_unix))
