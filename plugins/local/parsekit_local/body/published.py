"""The last step of every number of the body: how JSON shows it in Ballchasing's answers."""

from __future__ import annotations

import math
from collections.abc import Mapping

from parsekit_local.statistics.published import single

Number = int | float


def published(value: float) -> Number:
    """Round to a 32-bit float and take its shortest decimal; a whole number has no point.

    What is no number, as a damaged camera setting can be, is 0: JSON knows nothing else.
    Source: relation 13 of the field notes: every number of a real body is the shortest decimal of
    a 32-bit float, and zeros are written ``0``.
    """
    number = single(value) if math.isfinite(value) else 0.0
    return int(number) if number.is_integer() else number


def published_all(values: Mapping[str, float]) -> dict[str, Number]:
    """Publish every number of a group."""
    return {name: published(value) for name, value in values.items()}
