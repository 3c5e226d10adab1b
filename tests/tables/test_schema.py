from __future__ import annotations

from collections import Counter

import pytest

from parsekit.formats.tables_folder import TABLES
from parsekit.tables.results import RESULTS
from parsekit.tables.schema import Column, Table, fitting


@pytest.mark.parametrize("table", [*TABLES, RESULTS], ids=lambda table: table.name)
def test_every_column_has_a_meaning_and_a_name_of_its_own(table: Table) -> None:
    assert all(column.meaning for column in table.columns)
    assert max(Counter(column.name for column in table.columns).values()) == 1


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-10T20:12:01+01:00", "2026-03-10T19:12:01+00:00"),
        ("2016-09-13T19:39:00Z", "2016-09-13T19:39:00+00:00"),
        ("2016-09-13 19:39", "2016-09-13T19:39:00+00:00"),
        ("0001-01-01T00:00:00+14:00", None),
        ("yesterday", None),
        (7, None),
    ],
)
def test_a_time_is_a_moment_in_utc(text: object, moment: str | None) -> None:
    found = fitting(text, Column("date", "time", "when"))
    assert (found.isoformat() if hasattr(found, "isoformat") else found) == moment
