from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsekit_local.header.dates import saved_at, season_at

_START = datetime(2026, 3, 10, 18, 50, tzinfo=UTC)


@pytest.mark.parametrize(
    ("hours", "text"), [(0, "Z"), (1, "+01:00"), (-6, "-06:00"), (5.5, "+05:30")]
)
def test_the_offset_is_what_lies_between_both_clocks(hours: float, text: str) -> None:
    saved = _START + timedelta(seconds=347)
    local = (saved + timedelta(hours=hours)).replace(tzinfo=None)
    found = saved_at(local, start_epoch_s=int(_START.timestamp()), length_s=340)
    assert found.has_timezone
    assert found.text == local.isoformat() + text


@pytest.mark.parametrize(
    ("local", "text"),
    [
        (datetime(2016, 9, 1, 21, 39), "2016-09-01T19:39:00Z"),  # as in a real body
        (datetime(2016, 1, 1, 12, 0), "2016-01-01T11:00:00Z"),
        (datetime(2017, 3, 26, 1, 59), "2017-03-26T00:59:00Z"),
        (datetime(2017, 3, 26, 3, 0), "2017-03-26T01:00:00Z"),
        (datetime(2017, 10, 29, 3, 0), "2017-10-29T02:00:00Z"),
    ],
)
def test_without_a_true_start_it_is_central_european_time(local: datetime, text: str) -> None:
    found = saved_at(local, start_epoch_s=None, length_s=300)
    assert (found.text, found.has_timezone) == (text, False)


def test_a_clock_that_is_days_off_gives_no_offset() -> None:
    wrong = saved_at(datetime(2026, 3, 1), start_epoch_s=int(_START.timestamp()), length_s=300)
    assert not wrong.has_timezone


@pytest.mark.parametrize("year", [1, 1969, 9999])
def test_an_impossible_clock_is_the_epoch(year: int) -> None:
    assert saved_at(datetime(year, 1, 1), start_epoch_s=None, length_s=None).text == (
        "1970-01-01T00:00:00Z"
    )


@settings(deadline=None)
@given(st.none() | st.datetimes(), st.none() | st.integers(), st.none() | st.floats(0, 1e5))
def test_no_header_makes_it_fail(
    local: datetime | None, start: int | None, length: float | None
) -> None:
    found = saved_at(local, start_epoch_s=start, length_s=length)
    assert datetime.fromisoformat(found.text) == found.moment


@pytest.mark.parametrize(
    ("day", "number", "free"),
    [
        ("2015-07-10", 1, False),
        ("2016-09-01", 3, False),
        ("2020-09-22", 14, False),
        ("2020-09-23", 1, True),
        ("2024-08-13", 15, True),
        ("2025-01-22", 17, True),
        ("2026-03-10", 21, True),
        ("2026-03-11", 22, True),
        ("1970-01-01", 1, False),
    ],
)
def test_seasons(day: str, number: int, free: bool) -> None:
    """Days of 2016, 2024, 2025 and March 2026 are those of real bodies."""
    season = season_at(datetime.fromisoformat(day).replace(tzinfo=UTC))
    assert (season.number, season.free_to_play) == (number, free)
