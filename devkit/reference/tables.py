"""Every table and column, from `parsekit.tables`."""

from __future__ import annotations

from devkit.reference.markdown import code, table
from parsekit.formats.tables_folder import TABLES
from parsekit.tables.results import RESULTS
from parsekit.tables.schema import VERSION, Table

_INTRODUCTION = f"""
# Columns

Of the tables that `--tables` writes ([how to read them](../tables.md)), and of `--format csv` and
`parquet`. This is version {VERSION}. What is unknown is empty. A `time` is a moment in UTC; `uu`
is the game's unit of length, about a centimetre; `percent` of boost is of a full tank.
"""


def page() -> str:
    """The page of all tables, the one of ``--format csv`` last."""
    parts = [_INTRODUCTION.strip()]
    for each in TABLES:
        parts += [f"## {each.name}", each.meaning, _columns(each)]
    parts += [
        "## CSV and Parquet",
        "What `--format csv` and `--format parquet` write, in this order.",
        _columns(RESULTS),
    ]
    return "\n\n".join(parts)


def _columns(each: Table) -> str:
    rows = [(code(c.name), c.kind, c.unit, c.meaning) for c in each.columns]
    return table(("column", "type", "unit", "meaning"), rows)
