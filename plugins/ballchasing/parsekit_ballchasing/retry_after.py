"""The header `Retry-After`, in both forms that HTTP knows."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime

#: An announcement of less is taken as this: clocks may differ a bit, seconds.
SHORTEST_S = 1.0
#: An announcement of more is a mistake or a ban; either way we look again after this, seconds.
LONGEST_S = 24 * 3600.0


def retry_after_s(header: str | None, *, now_unix: float) -> float | None:
    """Seconds to wait, from digits or an HTTP date; None when there is nothing to read.

    >>> retry_after_s("120", now_unix=0)
    120.0
    >>> retry_after_s("Thu, 01 Jan 1970 00:01:30 GMT", now_unix=60)
    30.0
    >>> retry_after_s("soon", now_unix=0)
    """
    text = (header or "").strip()
    # An endless number becomes infinity, which the bounds below bring back.
    seconds = float(text) if text.isascii() and text.isdigit() else _until(text, now_unix)
    return None if seconds is None else min(max(seconds, SHORTEST_S), LONGEST_S)


def _until(text: str, now_unix: float) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.timestamp() - now_unix
