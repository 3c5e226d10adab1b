"""Differences between a parser and its shadow: one JSON object a line, kept by days.

They stand in the folder ``differences/`` of the data folder; `DifferenceEvent.to_json()` is the
object, documented in docs/composition.md.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable

from parsekit.config import RecordSettings
from parsekit.events import DifferenceEvent
from parsekit.hookspecs import hookimpl
from parsekit.host.session import Session
from parsekit.metrics import Metric
from parsekit.records.day_log import DayLog
from parsekit.records.reader import MAX_LINE_BYTES

log = logging.getLogger("parsekit.differences")

#: The folder, in the data folder.
FOLDER = "differences"
_OPENING = b'{"eventId":"'


class DifferencesFile:
    """The listener; `parsekit compare` reads what it writes."""

    def __init__(self) -> None:
        self._log: DayLog | None = None

    @hookimpl
    def parsekit_open(self, session: Session) -> None:
        """Choose the folder; it is made with the first difference."""
        settings = session.config.section(RecordSettings)
        self._log = DayLog(session.data_dir, FOLDER, settings, opening=_OPENING)

    @hookimpl
    def parsekit_difference(self, event: DifferenceEvent) -> None:
        """Append the event; a disk that refuses is logged once and never fails a parse."""
        line = json.dumps(event.to_json(), separators=(",", ":")).encode() + b"\n"
        if len(line) >= MAX_LINE_BYTES:
            log.warning("task %s: too different to keep: %d bytes", event.task_id, len(line))
        elif self._log is not None:
            self._log.append(line)

    @hookimpl
    def parsekit_metrics(self) -> Iterable[Metric]:
        """Count those that the disk refused, in the way of all sinks."""
        return () if self._log is None else (self._log.losses("differences"),)

    @hookimpl
    def parsekit_close(self) -> None:
        """Rest until the next `parsekit_open`."""
        if self._log is not None:
            self._log.close()
        self._log = None
