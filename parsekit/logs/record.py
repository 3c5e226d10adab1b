"""The facts of one line, read from whatever a library handed to `logging`."""

from __future__ import annotations

import logging
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from parsekit.logs.context import NAMES, Facts, current_facts
from parsekit.redaction.secrets import cleaned

#: Attribute of a record with facts of its own: ``log.info("…", extra=facts(step="parse"))``.
_FIELDS = "parsekit_facts"
#: A caller or a server may have sent anything; more of a text than this is of no use, characters.
MAX_MESSAGE = 8 * 1024
MAX_TRACEBACK = 32 * 1024
#: Text is cleaned before it is cut, so that no half of a secret is left; this bounds the work.
_MAX_CLEANED = 256 * 1024


class LogEntry(NamedTuple):
    """A line as it was told: nothing is cleaned yet, and facts may be empty."""

    at_unix: float
    level: int
    logger: str
    message: str
    facts: Facts
    error: BaseException | None = None

    @property
    def level_name(self) -> str:
        """In small letters."""
        return _level_name(self.level)

    @property
    def known_facts(self) -> Facts:
        """Those that are not empty."""
        return {name: value for name, value in self.facts.items() if not _is_empty(value)}


@dataclass(frozen=True, slots=True)
class Line:
    """One line: no secret in any of it, and no promise about control characters."""

    at_unix: float
    level: str
    logger: str
    message: str
    facts: Facts
    traceback: str


def facts(**given: object) -> dict[str, object]:
    """Facts for ``extra=`` of a logging call; they win over those of the task at hand."""
    return {_FIELDS: given}


def log_entry_of(record: logging.LogRecord) -> LogEntry:
    """Read a record."""
    return LogEntry(
        at_unix=record.created,
        level=record.levelno,
        logger=record.name,
        message=_message(record),
        facts=_facts(record),
        error=record.exc_info[1] if record.exc_info else None,
    )


def line_of(told: LogEntry) -> Line:
    """Take secrets out, and cut what is too long."""
    return Line(
        at_unix=told.at_unix,
        level=told.level_name,
        logger=told.logger,
        message=_shortened(told.message, MAX_MESSAGE),
        facts={name: _clean(name, value) for name, value in told.known_facts.items()},
        traceback=_traceback(told.error),
    )


class LineFormatter(logging.Formatter, ABC):
    """Writes lines, those of `logging` and others."""

    def format(self, record: logging.LogRecord) -> str:
        """Write the line of a record."""
        return self.text(log_entry_of(record))

    def text(self, told: LogEntry) -> str:
        """Write a line, and what belongs below it; of one that can't be made, that it can't."""
        try:
            return self.made(told)
        except Exception as exc:  # noqa: BLE001  (facts come from plugins and may be anything)
            message = f"a line that can't be shown: {type(exc).__name__}"
            return self.made(told._replace(message=message, facts={}, error=None))

    @abstractmethod
    def made(self, told: LogEntry) -> str:
        """Make the text of a line."""
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
