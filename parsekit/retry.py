"""When to try again, as data: drivers and parsers share one schedule and nobody sleeps on it."""

from __future__ import annotations

from dataclasses import dataclass

from parsekit.errors import ParsekitError


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """``max_attempts`` tries, with 0, f, f², f³ … seconds before them (f is ``factor``).

    The default is the seed document's schedule: 0, 4, 16, 64 s.
    """

    max_attempts: int = 4
    factor: float = 4.0

    @property
    def delays_s(self) -> tuple[float, ...]:
        """Seconds before each attempt."""
        return tuple(0.0 if n == 0 else self.factor**n for n in range(self.max_attempts))

    def next_delay_s(self, failed_attempts: int, error: ParsekitError) -> float | None:
        """Seconds until the next attempt, None when there is none.

        What the other side announced (``retry_after_s``) wins over the schedule.
        """
        if not error.retryable or failed_attempts >= self.max_attempts:
            return None
        if error.retry_after_s is not None:
            return error.retry_after_s
        return self.delays_s[failed_attempts]
