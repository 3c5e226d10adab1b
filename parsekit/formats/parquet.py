"""Outcomes as Parquet: the columns of `parsekit.formats.rows`, typed, for data frames."""

from __future__ import annotations

from importlib import import_module
from typing import IO, Any

from parsekit.errors import ConfigInvalid
from parsekit.formats.rows import COLUMNS, Row, rows_of
from parsekit.model import Outcome

#: Rows a row group: enough for the format to compress, small enough to keep memory flat.
_GROUP_ROWS = 2_000


class ParquetRows:
    """A Parquet file on any stream. Raises `ConfigInvalid` where pyarrow is not installed."""

    def __init__(self, out: IO[bytes]) -> None:
        self._arrow = _pyarrow()
        types = {"text": "string", "integer": "int64", "number": "float64", "boolean": "bool"}
        self._schema = self._arrow.schema(
            [(column.name, self._arrow.type_for_alias(types[column.kind])) for column in COLUMNS]
        )
        self._writer = self._arrow.parquet.ParquetWriter(out, self._schema)
        self._rows: list[Row] = []

    def write(self, outcome: Outcome) -> None:
        """Keep the players of one replay until a row group is full."""
        self._rows.extend(rows_of(outcome))
        if len(self._rows) >= _GROUP_ROWS:
            self._flush()

    def close(self) -> None:
        """Write the rest and the footer, without which nobody can read the file."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._rows:
            columns = [list(column) for column in zip(*self._rows, strict=True)]
            self._writer.write_table(self._arrow.table(columns, schema=self._schema))
            self._rows.clear()


def _pyarrow() -> Any:
    try:
        import_module("pyarrow.parquet")
    except ImportError as exc:
        raise ConfigInvalid(
            "--format parquet needs pyarrow, which is not installed; "
            "run pip install 'parsekit[parquet]'"
        ) from exc
    return import_module("pyarrow")
