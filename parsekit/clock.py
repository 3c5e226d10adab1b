"""The one source of time: wall clock for deadlines that cross processes, ticks for durations."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """``now()`` is seconds since 1970 UTC; ``ticks()`` are seconds that never go back."""

    now: Callable[[], float] = time.time
    ticks: Callable[[], float] = time.monotonic

    def ms_since(self, ticks: float) -> int:
        """Whole milliseconds since an earlier `ticks`."""
        return max(0, round((self.ticks() - ticks) * 1000))
