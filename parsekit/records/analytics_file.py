"""Analytics of this machine's tasks: one JSON object a line, a file a day in ``analytics/``.

They are kept also where RabbitMQ gets the same events, since ``parsekit analytics summary``
reads nothing else; that costs a task some 20 µs, and a year of 10 000 tasks a day 1.6 GB.

A line is the published message (contract: analytics.schema.json) with three fields more:
``eventId``, the same when an event comes again; ``at``, when the task ended (RFC 3339, UTC); and
``error``, the published code, null after a success.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from parsekit.config import RecordSettings
from parsekit.events import AnalyticsEvent, moment
from parsekit.hookspecs import hookimpl
from parsekit.host.session import Session
from parsekit.metrics import Metric
from parsekit.records.day_log import DayLog

#: The folder, in the data folder.
FOLDER = "analytics"
_OPENING = b'{"eventId":"'


class AnalyticsFile:
    """The listener."""

    def __init__(self) -> None:
        self._log: DayLog | None = None

    @hookimpl
    def parsekit_open(self, session: Session) -> None:
        """Choose the folder; it is made with the first event."""
        settings = session.config.section(RecordSettings)
        self._log = DayLog(session.data_dir, FOLDER, settings, opening=_OPENING)

    @hookimpl
    def parsekit_analytics(self, event: AnalyticsEvent) -> None:
        """Append the event; a disk that refuses is logged once and never fails a parse."""
        if self._log is not None:
            self._log.append(line_of(event))

    @hookimpl
    def parsekit_metrics(self) -> Iterable[Metric]:
        """Count those that the disk refused, in the way of all sinks."""
        return () if self._log is None else (self._log.losses("analytics"),)

    @hookimpl
    def parsekit_close(self) -> None:
        """Rest until the next `parsekit_open`."""
        if self._log is not None:
            self._log.close()
        self._log = None


def line_of(event: AnalyticsEvent) -> bytes:
    """One line of a file."""
    failure = event.outcome.failure
    content = {
        "eventId": event.event_id,
        "at": moment(event.at_unix),
        "error": failure.code if failure else None,
        **event.to_message(),
    }
    return json.dumps(content, separators=(",", ":")).encode() + b"\n"
