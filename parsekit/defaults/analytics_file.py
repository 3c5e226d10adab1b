"""Analytics of a deployment without RabbitMQ: one JSON object a line in ``analytics.jsonl``.

A line is the published message (contract: analytics.schema.json) with three fields more:
``eventId``, the same when an event is told again; ``at``, when the task ended (RFC 3339, UTC); and
``error``, the published code, null after a success.
"""

from __future__ import annotations

import errno
import fcntl
import json
import logging
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from parsekit.config import Config
from parsekit.events import AnalyticsEvent
from parsekit.hookspecs import hookimpl
from parsekit.model import JsonObject
from parsekit.session import Session

log = logging.getLogger("parsekit.analytics")

FILE_NAME = "analytics.jsonl"
#: Size at which a file is set aside: some 50 000 events.
ROTATE_BYTES = 16 * 1024 * 1024
#: How many files are kept besides the one that is written; the oldest is removed.
KEEP = 5
#: Longest wait for another process that writes, seconds; one that was stopped must not stop us.
LOCK_S = 0.5


class AnalyticsFile:
    """The listener; it rests when RabbitMQ gets the analytics (``transport.url``)."""

    def __init__(self) -> None:
        self._log: EventLog | None = None

    @hookimpl
    def parsekit_open(self, session: Session) -> None:
        """Choose the file; it is made with the first event."""
        resting = _goes_to_rabbitmq(session.config)
        self._log = None if resting else EventLog(session.data_dir / FILE_NAME)

    @hookimpl
    def parsekit_analytics(self, event: AnalyticsEvent) -> None:
        """Append the event; a disk that refuses is logged once and never fails a parse."""
        if self._log is not None:
            self._log.append(line_of(event))

    @hookimpl
    def parsekit_close(self) -> None:
        """Rest until the next `parsekit_open`."""
        self._log = None


class EventLog:
    """A file of lines that many threads and processes append to, set aside when it is large."""

    def __init__(self, path: Path, rotate_bytes: int = ROTATE_BYTES, keep: int = KEEP) -> None:
        self._path, self._rotate_bytes, self._keep = path, rotate_bytes, keep
        self._refused = False

    def append(self, line: bytes) -> None:
        """Write a line, whole or not at all. Raises nothing that a disk can cause."""
        try:
            self._append(line)
        except OSError as exc:
            if not self._refused:
                log.warning("analytics are lost, as %s can't be written: %s", self._path, exc)
            self._refused = True
        else:
            self._refused = False

    def _append(self, line: bytes) -> None:
        descriptor = self._open()
        try:
            locked = _lock(descriptor)
            if locked and os.fstat(descriptor).st_size + len(line) > self._rotate_bytes:
                descriptor = self._rotated(descriptor)
            _write(descriptor, line, take_back=locked)
        finally:
            os.close(descriptor)

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        try:
            return os.open(self._path, flags, 0o640)
        except FileNotFoundError:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            return os.open(self._path, flags, 0o640)

    def _rotated(self, descriptor: int) -> int:
        """Set the file aside, unless somebody just did; answer the new one, locked."""
        if self._path.exists() and os.path.samestat(os.fstat(descriptor), self._path.stat()):
            for number in range(self._keep, 0, -1):
                younger = aside(self._path, number - 1)
                if younger.exists():
                    younger.replace(aside(self._path, number))
        fresh = self._open()
        os.close(descriptor)
        _lock(fresh)
        return fresh


def aside(path: Path, number: int) -> Path:
    """The name of a file set aside; 0 is the one that is written."""
    return path.with_name(f"{path.name}.{number}") if number else path


def line_of(event: AnalyticsEvent) -> bytes:
    """One line of the file."""
    failure = event.outcome.failure
    at = datetime.fromtimestamp(event.at_unix, UTC).isoformat(timespec="milliseconds")
    content = {
        "eventId": event.event_id,
        "at": at.replace("+00:00", "Z"),
        "error": failure.code if failure else None,
        **event.to_message(),
    }
    return json.dumps(content, separators=(",", ":")).encode() + b"\n"


def read_events(data_dir: Path, keep: int = KEEP) -> Iterator[JsonObject]:
    """Every event that is kept, oldest first; a line cut short by a full disk is passed over.

    Raises OSError when a file can't be read.
    """
    for number in range(keep, -1, -1):
        path = aside(data_dir / FILE_NAME, number)
        if not path.exists():
            continue
        with path.open("rb") as lines:
            yield from filter(None, map(_event, lines))


def _event(line: bytes) -> JsonObject | None:
    try:
        content = json.loads(line)
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def _goes_to_rabbitmq(config: Config) -> bool:
    """Whether a plugin has the section ``transport`` and its ``url`` is set."""
    return bool(getattr(config.sections.get("transport"), "url", None))


def _lock(descriptor: int) -> bool:
    """Keep others from writing; False when one does not let go in time, or nothing can be locked.

    Then the line is appended all the same, and the file is not set aside.
    """
    end = time.monotonic() + LOCK_S
    while time.monotonic() < end:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.005)
        except OSError:
            return False
        else:
            return True
    return False


def _write(descriptor: int, line: bytes, *, take_back: bool) -> None:
    written = os.write(descriptor, line)
    if written < len(line):
        if take_back:
            os.ftruncate(descriptor, os.fstat(descriptor).st_size - written)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
