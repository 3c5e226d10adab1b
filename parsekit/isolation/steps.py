"""Which of a parser's steps are told: a parse tells a hundred, however often it speaks."""

from __future__ import annotations

import math


class Steps:
    """The steps of one parse. Told is one that is at least a whole percentage above the last."""

    def __init__(self) -> None:
        self._told = -math.inf

    def further(self, value: float) -> bool:
        """Whether to tell a step to this percentage; from then on it counts as told."""
        value = min(100.0, max(0.0, value))
        if value < self._told + 1:
            return False
        self._told = value
        return True
