"""After a failure leave the other side alone for a while, longer each time."""

from __future__ import annotations

import random
import time

#: First pause, seconds; it doubles with each failure.
FIRST_PAUSE_S = 0.25
#: Longest pause, seconds: how late a process may notice that RabbitMQ is back.
LONGEST_PAUSE_S = 15.0


class Breaker:
    """Open after a failure, closed again after a pause. Used by one thread."""

    def __init__(self, longest_s: float = LONGEST_PAUSE_S) -> None:
        self._longest_s = longest_s
        self._failures = 0
        self._resume_at = 0.0

    @property
    def wait_s(self) -> float:
        """Seconds until the next attempt may be made, 0 when it may be made now."""
        return max(0.0, self._resume_at - time.monotonic())

    @property
    def tripped(self) -> bool:
        """Whether the last attempt failed."""
        return self._failures > 0

    def failed(self) -> None:
        """Note a failure: the pause grows, spread so that many processes don't come at once."""
        pause = min(self._longest_s, FIRST_PAUSE_S * 2.0**self._failures)
        self._failures = min(self._failures + 1, 16)
        self._resume_at = time.monotonic() + pause * random.uniform(0.5, 1.0)  # noqa: S311  (no secret)

    def succeeded(self) -> None:
        """Note a success: no pause any more."""
        self._failures = 0
        self._resume_at = 0.0
