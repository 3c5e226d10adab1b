"""The arithmetic of Ballchasing's statistics: what is rounded to what, before it is printed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from parsekit_local.stream.frames import Floats

#: One group of statistics by Ballchasing's field names: ``int`` for counts and whole units.
Group: TypeAlias = Mapping[str, float]


def single(value: float | np.float32) -> float:
    """Round to a 32-bit float, in the shortest decimal form that tells it from its neighbours."""
    return float(str(np.float32(value)))


def seconds(value: float) -> float:
    """Round a time to two decimals, as all player times are."""
    return round(float(value), 2)


def percent(part: float, whole: float) -> float:
    """Give the share of a whole, both as published, in percent; 0 of nothing."""
    return ratio(100, part, whole)


def ratio(factor: float, part: float, whole: float) -> float:
    """Multiply, then divide, each step in 32-bit arithmetic as Ballchasing does; 0 of nothing."""
    return single(np.float32(factor) * np.float32(part) / np.float32(whole)) if whole else 0.0


def total(values: Sequence[float] | Floats) -> float:
    """Add up one by one, in 32-bit arithmetic."""
    singles = np.asarray(values, np.float64).astype(np.float32)
    # a running sum adds one by one; the sum of an array does not
    return float(np.cumsum(singles, dtype=np.float32)[-1]) if len(singles) else 0.0


def with_percents(times_s: Mapping[str, float], *groups: Iterable[str]) -> dict[str, float]:
    """Publish times as ``time_…``, and in each group the shares of its sum as ``percent_…``.

    The order within a group is the order of summation, which shows in the last digit.
    """
    times = {name: seconds(value) for name, value in times_s.items()}
    found = {f"time_{name}": value for name, value in times.items()}
    for group in map(tuple, groups):
        whole = total([times[name] for name in group])
        found |= {f"percent_{name}": percent(times[name], whole) for name in group}
    return found
