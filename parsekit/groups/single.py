"""Numbers of single precision, in which Ballchasing computes and stores.

A body shows each number as the shortest decimal that names one such number, so that reading it
loses nothing. Each operation is done in double precision and rounded at once, which gives the
same as an operation in single precision.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

_FLOAT = struct.Struct("<f")
#: Digits that name every number of single precision.
_MOST_DIGITS = 9
#: Digits that always survive, so that no fewer need to be tried.
_SURE_DIGITS = 6


def single(value: float) -> float:
    """Round to the nearest number of single precision; infinite beyond the largest."""
    try:
        return float(_FLOAT.unpack(_FLOAT.pack(value))[0])
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def single_sum(values: Iterable[float]) -> float:
    """Add one after the other, each sum rounded."""
    total = 0.0
    for value in values:
        total = single(total + single(value))
    return total


def share(part: float, whole: float, scale: float) -> float:
    """``scale`` times part by whole, multiplied first, each step rounded; 0 of nothing."""
    return single(single(scale * part) / whole) if whole else 0.0


def shortest(value: float) -> int | float:
    """The shortest decimal of this number, as it stands in a body; an integer where it is one."""
    if value == int(value):
        return int(value)
    texts = (f"{value:.{digits}g}" for digits in range(_SURE_DIGITS, _MOST_DIGITS + 1))
    return next(float(text) for text in texts if single(float(text)) == value)
