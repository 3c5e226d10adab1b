"""Outcomes as CSV: a head, then the rows of a table (`parsekit.tables`)."""

from __future__ import annotations

import csv
from datetime import datetime
from typing import TextIO

from parsekit.model import Outcome
from parsekit.redaction.terminal_text import spreadsheet_safe
from parsekit.tables.results import RESULTS
from parsekit.tables.schema import Table, Value


class CsvRows:
    """Comma-separated UTF-8 with Unix line ends; what is unknown is an empty field."""

    def __init__(self, out: TextIO, table: Table = RESULTS) -> None:
        self._out = out
        self._table = table
        self._writer = csv.writer(out, lineterminator="\n")
        self._writer.writerow(column.name for column in table.columns)

    def write(self, outcome: Outcome) -> None:
        """Write the rows of one replay; a failed one has none."""
        self._writer.writerows([_cell(value) for value in row] for row in self._table.rows(outcome))
        self._out.flush()

    def close(self) -> None:
        """Let a head without rows out."""
        self._out.flush()


def _cell(value: Value) -> Value:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return spreadsheet_safe(value) if isinstance(value, str) else value
