"""Tables and columns: names, types, units and meanings, which stay as they are.

New columns are added at a table's end. `VERSION` is raised when a column goes, or comes to mean
something else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from parsekit.body.reading import number
from parsekit.model import Outcome

#: Of all tables together; written into Parquet files and ``schema.json``.
VERSION = "1"
Kind = Literal["text", "integer", "number", "boolean", "time"]
Value = str | int | float | bool | datetime | None
Row = tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """A column: the type of all its values, what they mean, and their unit ("" for none).

    What is unknown is None. A ``time`` is a moment in UTC.
    """

    name: str
    kind: Kind
    meaning: str
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSchema:
    """What a table is of, and its columns."""

    name: str
    meaning: str
    columns: tuple[Column, ...]

    def row(self, facts: Mapping[str, object]) -> Row:
        """A row of these facts by column, each in its column's type."""
        return tuple(fitting(facts.get(column.name), column) for column in self.columns)

    def describe(self) -> dict[str, Any]:
        """Name, meaning and columns as JSON, for ``schema.json``."""
        columns = [
            {
                "name": column.name,
                "type": column.kind,
                "unit": column.unit,
                "meaning": column.meaning,
            }
            for column in self.columns
        ]
        return {"name": self.name, "meaning": self.meaning, "columns": columns}


@dataclass(frozen=True, slots=True, kw_only=True)
class Table(TableSchema):
    """A table with the facts of each row that a replay gives it, by column."""

    facts: Callable[[Outcome], Iterator[Mapping[str, object]]]

    def rows(self, outcome: Outcome) -> Iterator[Row]:
        """The rows of one replay; none of one that failed."""
        return map(self.row, self.facts(outcome))


def fitting(value: object, column: Column) -> Value:
    """The value in the column's type, None when it is of another."""
    if column.kind == "text":
        return _encodable(value) if isinstance(value, str) else None
    if column.kind == "boolean":
        return value if isinstance(value, bool) else None
    if column.kind == "time":
        return _moment(value) if isinstance(value, str) else None
    found = number(value)
    if found is None or column.kind == "number":
        return found if found is None else float(found)
    return int(found) if found == int(found) else None


def _encodable(value: str) -> str:
    """Bytes of a path that are no UTF-8 stand in Python as half characters, which no file takes."""
    return value.encode("utf-8", "backslashreplace").decode()


def _moment(value: str) -> datetime | None:
    """A moment without an offset is one in UTC."""
    try:
        moment = datetime.fromisoformat(value)
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
