"""Outcomes as CSV: a head, then one row a player (`parsekit.formats.rows`)."""

from __future__ import annotations

import csv
from typing import TextIO

from parsekit.formats.rows import COLUMNS, Value, rows_of
from parsekit.model import Outcome
from parsekit.redaction.terminal_text import spreadsheet_safe


class CsvRows:
    """Comma-separated UTF-8 with Unix line ends; what is unknown is an empty field."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._writer = csv.writer(out, lineterminator="\n")
        self._writer.writerow(column.name for column in COLUMNS)

    def write(self, outcome: Outcome) -> None:
        """Write the players of one replay; a failed one has none."""
        self._writer.writerows([_cell(value) for value in row] for row in rows_of(outcome))
        self._out.flush()

    def close(self) -> None:
        """Let a head without rows out."""
        self._out.flush()


def _cell(value: Value) -> Value:
    return spreadsheet_safe(value) if isinstance(value, str) else value
