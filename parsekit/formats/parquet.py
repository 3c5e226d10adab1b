"""Rows of a table (`parsekit.tables`) as Parquet, typed, for data frames."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import IO, Any

from parsekit.errors import ConfigInvalid
from parsekit.model import Outcome
from parsekit.tables.results import RESULTS
from parsekit.tables.schema import VERSION, Column, Row, Table, TableSchema

#: Rows a row group: enough for the format to compress, small enough to keep memory flat.
_GROUP_ROWS = 2_000
_TYPES = {"text": "string", "integer": "int64", "number": "float64", "boolean": "bool"}


class ParquetFile:
    """A Parquet file on any stream. Raises `ConfigInvalid` where pyarrow is not installed.

    The schema says what the table and each column mean, and in which unit.
    """

    def __init__(self, out: IO[bytes], table: TableSchema) -> None:
        self._arrow = require_pyarrow()
        about = {"table": table.name, "meaning": table.meaning, "tables_version": VERSION}
        fields = [self._field(column) for column in table.columns]
        self._schema = self._arrow.schema(fields, metadata=about)
        self._writer = self._arrow.parquet.ParquetWriter(out, self._schema)
        self._rows: list[Row] = []

    def add(self, rows: Iterable[Row]) -> None:
        """Keep rows until a row group is full."""
        self._rows.extend(rows)
        if len(self._rows) >= _GROUP_ROWS:
            self._flush()

    def close(self) -> None:
        """Write the rest and the footer, without which nobody can read the file."""
        self._flush()
        self._writer.close()

    def _field(self, column: Column) -> Any:
        about = {"meaning": column.meaning, "unit": column.unit}
        return self._arrow.field(column.name, self._type(column), metadata=about)

    def _type(self, column: Column) -> Any:
        if column.kind == "time":
            return self._arrow.timestamp("us", "UTC")
        return self._arrow.type_for_alias(_TYPES[column.kind])

    def _flush(self) -> None:
        if self._rows:
            columns = [list(column) for column in zip(*self._rows, strict=True)]
            self._writer.write_table(self._arrow.table(columns, schema=self._schema))
            self._rows.clear()


class ParquetRows(ParquetFile):
    """The rows that outcomes give a table."""

    def __init__(self, out: IO[bytes], table: Table = RESULTS) -> None:
        super().__init__(out, table)
        self._table = table

    def write(self, outcome: Outcome) -> None:
        """Add the rows of one replay."""
        self.add(self._table.rows(outcome))


def require_pyarrow() -> Any:
    """The library. Raises `ConfigInvalid` where it is not installed."""
    try:
        import_module("pyarrow.parquet")
    except ImportError as exc:
        raise ConfigInvalid(
            "Parquet needs pyarrow, which is not installed; run pip install 'parsekit[parquet]'"
        ) from exc
    return import_module("pyarrow")
