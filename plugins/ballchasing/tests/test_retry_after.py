"""`Retry-After` in both forms, and in the forms that nobody should send."""

from __future__ import annotations

from typing import Any

import pytest

from parsekit_ballchasing.retry_after import LONGEST_S, SHORTEST_S, retry_after_s


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("30", 30),
        (" 7 ", 7),
        ("0", SHORTEST_S),
        ("99999999999999999999999", LONGEST_S),
        ("9" * 4000, LONGEST_S),
        ("Thu, 01 Jan 1970 00:02:00 GMT", 60),
        ("Thu, 01 Jan 1970 00:02:00 -0000", 60),
        ("Thu, 01 Jan 1970 02:02:00 +0200", 60),
        ("Thu, 01 Jan 1970 00:00:30 GMT", SHORTEST_S),
    ],
)
def test_is_read_as_seconds_and_as_date(header: Any, seconds: Any) -> None:
    assert retry_after_s(header, now_unix=60) == seconds


@pytest.mark.parametrize(
    "header", [None, "", "soon", "-5", "1.5", "٣", "Thu, 99 Jan 1970 00:00:30 GMT", "nan", "inf"]
)
def test_that_says_nothing_is_none(header: Any) -> None:
    assert retry_after_s(header, now_unix=60) is None
