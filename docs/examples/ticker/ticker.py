"""The sink `ticker`: each message of each task is a line of a file, for `tail -f`."""

import json
import logging
from pathlib import Path
from threading import Lock
from typing import TextIO

from parsekit import AnalyticsEvent, JsonObject, ProgressEvent, Section, Session, hookimpl

log = logging.getLogger(__name__)


class TickerSettings(Section):
    path: Path | None = None


class Ticker:
    def __init__(self) -> None:
        self.file: TextIO | None = None
        self.lock = Lock()

    @hookimpl
    def parsekit_register_sections(self, register):
        register("ticker", TickerSettings)

    @hookimpl
    def parsekit_open(self, session: Session) -> None:
        path = session.config.section(TickerSettings).path or session.data_dir / "ticker.jsonl"
        try:
            self.file = path.open("a")
        except OSError as exc:
            log.warning("no ticker in this process: %s", exc)

    @hookimpl
    def parsekit_progress(self, event: ProgressEvent) -> None:
        if event.queue is not None:
            self.write(event.to_message())

    @hookimpl
    def parsekit_analytics(self, event: AnalyticsEvent) -> None:
        self.write(event.to_message())

    @hookimpl
    def parsekit_close(self, grace_s: float) -> None:
        if self.file is not None:
            self.file.close()
        self.file = None

    def write(self, message: JsonObject) -> None:
        with self.lock:
            if self.file is None:
                return
            try:
                self.file.write(json.dumps(message) + "\n")
                self.file.flush()
            except OSError as exc:
                log.warning("the ticker lost a line: %s", exc)
