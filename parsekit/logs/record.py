"""The facts of one line, read from whatever a library handed to `logging`."""

from __future__ import annotations

import logging
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType
from typing import NamedTuple

from parsekit.logs.context import Facts, current_facts
from parsekit.logs.fields import NAMES
from parsekit.redaction.secrets import cleaned

#: Attribute of a record with facts of its own: ``log.info("…", extra=facts(step="parse"))``.
_FIELDS = "parsekit_facts"
#: A caller or a server may have sent anything; more of a text than this is of no use, characters.
MAX_MESSAGE = 8 * 1024
MAX_TRACEBACK = 32 * 1024
#: Text is cleaned before it is cut, so that no half of a secret is left; this bounds the work.
_MAX_CLEANED = 256 * 1024


class Line(NamedTuple):
    """One line: no secret in any of it, and no promise about control characters."""

    at_unix: float
    level: str
    logger: str
    message: str
    facts: Facts = MappingProxyType({})
    traceback: str = ""


def facts(**given: object) -> dict[str, object]:
    """Facts for ``extra=`` of a logging call; they win over those of the task at hand."""
    return {_FIELDS: given}


def with_facts(record: logging.LogRecord) -> logging.LogRecord:
    """The record with its message filled in and all facts of its own, for another thread."""
    record.msg, record.args = _message(record), None
    setattr(record, _FIELDS, _facts(record))
    return record


def line_of(record: logging.LogRecord) -> Line:
    """Read a record, take secrets out, and cut what is too long."""
    return Line(
        at_unix=record.created,
        level=_level_name(record.levelno),
        logger=record.name,
        message=_shortened(_message(record), MAX_MESSAGE),
        facts={
            name: _clean(name, value)
            for name, value in _facts(record).items()
            if not _is_empty(value)
        },
        traceback=_traceback(record.exc_info[1] if record.exc_info else None),
    )


class LineFormatter(logging.Formatter, ABC):
    """Writes the lines of records."""

    def format(self, record: logging.LogRecord) -> str:
        """Write the line of a record; of one that can't be made, that it can't."""
        try:
            return self.made(line_of(record))
        except Exception as exc:  # noqa: BLE001  (facts come from plugins and may be anything)
            return self.made(
                Line(
                    at_unix=record.created,
                    level=_level_name(record.levelno),
                    logger=record.name,
                    message=f"a line that can't be shown: {type(exc).__name__}",
                )
            )

    @abstractmethod
    def made(self, line: Line) -> str:
        """Make the text of a line, and of what belongs below it."""
        ...


@cache
def _level_name(level: int) -> str:
    return logging.getLevelName(level).lower()


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception as exc:  # noqa: BLE001  (arguments that don't fit, or an object without str)
        return f"{_shown(record.msg, repr)} can't be filled in: {type(exc).__name__}"


def _facts(record: logging.LogRecord) -> Facts:
    """The task's, then Celery's (it hands the id of a task as ``data``), then the line's own."""
    data = getattr(record, "data", None)
    known = current_facts()
    if isinstance(data, Mapping) and "id" in data:
        known = {"task_id": data["id"], **known}
    own = getattr(record, _FIELDS, None)
    return {**known, **own} if isinstance(own, Mapping) else known


def _is_empty(value: object) -> bool:
    """Without comparing what is no text: an array tells neither true nor false then."""
    return value is None or (isinstance(value, str) and not value)


def _clean(name: str, value: object) -> object:
    if isinstance(value, int | float):
        return value
    text = value if isinstance(value, str) else _shown(value, str)
    return _cut(text, MAX_MESSAGE) if name in NAMES else _shortened(text, MAX_MESSAGE)


def _shown(value: object, how: Callable[[object], str]) -> str:
    try:
        return how(value)
    except Exception as exc:  # noqa: BLE001  (an object without text)
        return f"<{type(value).__name__} that can't be shown: {type(exc).__name__}>"


def _traceback(error: BaseException | None) -> str:
    """What failed and where; of a long chain the end, which names the error."""
    if error is None:
        return ""
    try:
        text = "".join(traceback.format_exception(error)).rstrip("\n")
    except Exception as exc:  # noqa: BLE001  (an exception that can't be shown)
        return f"a traceback that can't be shown: {type(exc).__name__}"
    return cleaned(text[-_MAX_CLEANED:])[-MAX_TRACEBACK:]


def _shortened(text: str, most: int) -> str:
    return _cut(cleaned(text if len(text) <= _MAX_CLEANED else text[:_MAX_CLEANED]), most)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}… ({len(text)} characters)"
