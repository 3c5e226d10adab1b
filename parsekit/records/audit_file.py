"""The audit: one JSON object a line in ``audit.jsonl``, only ever appended to.

The object is `AuditEvent.to_json()`, documented in docs/logs.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from parsekit.config import AuditSettings
from parsekit.config.appendable import AUDIT_OPENING
from parsekit.events import AuditEvent
from parsekit.hookspecs import hookimpl
from parsekit.host.session import Session
from parsekit.metrics import Metric, MetricFamily
from parsekit.records.writer import RotatedLog

FILE_NAME = "audit.jsonl"
LOST = MetricFamily(
    name="parsekit_audit_lost_total",
    help="Audit records that could not be written.",
    kind="counter",
)
#: Characters that stand as they are in JSON, and that terminals or shells obey.
_ESCAPED = str.maketrans({each: f"\\u{ord(each):04x}" for each in "\x7f$`"})
_encode = json.JSONEncoder(separators=(",", ":")).encode


class AuditFile:
    """The listener."""

    def __init__(self) -> None:
        self._log: RotatedLog | None = None

    @property
    def lost(self) -> int:
        """Records that could not be written since `parsekit_open`."""
        return self._log.lost if self._log is not None else 0

    @hookimpl
    def parsekit_open(self, session: Session) -> None:
        """Choose the file; it is made with the first record."""
        settings = session.config.section(AuditSettings)
        self._log = RotatedLog(
            *(audit_path(settings, session.data_dir), settings.file_bytes, settings.keep),
            what="audit records",
            opening=AUDIT_OPENING,
            private=settings.path is None,
        )

    @hookimpl
    def parsekit_audit(self, event: AuditEvent) -> None:
        """Append the record; a disk that refuses is logged once and never fails a parse."""
        if self._log is not None:
            self._log.append(line_of(event))

    @hookimpl
    def parsekit_metrics(self) -> Iterable[Metric]:
        """Count the records that could not be written: nobody reads them, so nobody misses them."""
        yield LOST.metric(self.lost)

    @hookimpl
    def parsekit_close(self) -> None:
        """Rest until the next `parsekit_open`."""
        if self._log is not None:
            self._log.close()
        self._log = None


def audit_path(settings: AuditSettings, data_dir: Path) -> Path:
    """The file in force."""
    return (settings.path or data_dir / FILE_NAME).expanduser()


def line_of(event: AuditEvent) -> bytes:
    """One line of the file; ASCII, so that no name in it can begin another line.

    Nor does a shell run a name, should the file have been put where one reads it.
    """
    return _written(event.to_json()) + b"\n"


def as_written(text: str) -> bytes:
    """How a text stands in a line, without its quotes."""
    return _written(text)[1:-1]


def _written(value: object) -> bytes:
    return _encode(value).translate(_ESCAPED).encode()
