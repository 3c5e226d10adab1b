"""Moments as the catalogue keeps them, microseconds since 1970 UTC, and as the API writes them."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from parsekit.errors import BadRequest

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def now_us() -> int:
    """The moment of now."""
    return time.time_ns() // 1000


def rfc3339(moment_us: int) -> str:
    """Write a moment as ``2023-12-12T06:13:42.449444Z``, without zeros at its end."""
    moment = _EPOCH + moment_us * _MICROSECOND
    text = moment.strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f"{moment.microsecond:06}".rstrip("0")
    return f"{text}.{fraction}Z" if fraction else f"{text}Z"


def read_rfc3339(name: str, text: str) -> int:
    """Read the moment that a caller gives; one without an offset is UTC. Raises `BadRequest`."""
    moment = moment_of(text.replace(" ", "+"))
    if moment is None:
        raise BadRequest(f"{name} is {text[:40]!r}; write a moment as 2020-01-02T15:00:05+01:00")
    return moment


def moment_of(text: object) -> int | None:
    """The moment that a text names; None for one that names none."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
        zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return (zoned - _EPOCH) // _MICROSECOND
    except (ValueError, OverflowError):
        return None
