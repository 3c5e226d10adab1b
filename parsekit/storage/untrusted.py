"""Values of a document of ours, taken only as we write them: anybody may have been there.

Without a key nobody vouches for a document, and with one it is read before its signature is known.
"""

from __future__ import annotations

from typing import Any

#: No count, size or time (seconds since 1970) is larger; infinity and NaN are neither.
MAX_NUMBER = 1e15
#: What it may raise to read a document that we have not written, whatever stands in it.
UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)


def number(value: Any) -> float:
    """A count, size or time. Raises ValueError for anything else."""
    if type(value) not in (int, float) or not 0 <= value <= MAX_NUMBER:  # a bool is an int as well
        raise ValueError(f"{_kind(value)} stands where a number of ours belongs")
    return float(value)


def count(value: Any) -> int:
    """A whole number that is not negative. Raises ValueError for anything else."""
    if type(value) is not int:
        raise ValueError(f"{_kind(value)} stands where a count belongs")
    number(value)
    return value


def text(value: Any) -> str:
    """A text, also one that UTF-8 can't hold: warnings name files. Raises ValueError otherwise."""
    if not isinstance(value, str):
        raise ValueError(f"{_kind(value)} stands where a text belongs")
    return value


def expect_list(value: Any) -> list[Any]:
    """A list. Raises ValueError for anything else."""
    if not isinstance(value, list):
        raise ValueError(f"{_kind(value)} stands where a list belongs")
    return value


def _kind(value: Any) -> str:
    return f"a {type(value).__name__}"
