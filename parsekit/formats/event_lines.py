"""Events as JSON: one object a line, without the columns that are not known of it."""

from __future__ import annotations

import json
from typing import TextIO

from parsekit.model import Outcome
from parsekit.tables.events import EVENTS


class EventLines:
    """One object an event, in the order of time; the text is ASCII, as in `JsonLinesWriter`."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def write(self, outcome: Outcome) -> None:
        """Write the events of one replay and let readers have them at once."""
        names = [column.name for column in EVENTS.columns]
        for row in EVENTS.rows(outcome):
            known = {
                name: value for name, value in zip(names, row, strict=True) if value is not None
            }
            self._out.write(json.dumps(known, separators=(",", ":")) + "\n")
        self._out.flush()

    def close(self) -> None:
        """Nothing is open."""
