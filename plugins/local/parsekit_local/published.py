"""Numbers as Ballchasing prints them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

Number = int | float


def published(value: float) -> Number:
    """Round to a 32-bit float and take its shortest decimal; a whole number has no point.

    Source: relation 13 of the field notes: every number of a real body is the shortest decimal of
    a 32-bit float, and zeros are written ``0``.
    """
    single = float(str(np.float32(value)))
    return int(single) if single.is_integer() else single


def published_all(values: Mapping[str, float]) -> dict[str, Number]:
    """Publish every number of a group."""
    return {name: published(value) for name, value in values.items()}


def published_sum(values: Iterable[float]) -> Number:
    """Add as Ballchasing does, in 32-bit floats: 50.89 + 59.26 is 110.149994."""
    total = np.float32(0)
    for value in values:
        total += np.float32(value)
    return published(float(total))


def cents(value: float) -> float:
    """Round to the two decimals of published times."""
    return round(value, 2)
