"""When to try again, as data: drivers and parsers share one schedule and nobody sleeps on it."""

from __future__ import annotations

from dataclasses import dataclass

from parsekit.errors import ParsekitError

#: Whoever asks a task to wait is asked again after so long, seconds: it may have been mistaken.
LONGEST_WAIT_S = 86_400.0


def bounded_wait_s(seconds: float) -> float:
    """A wait that somebody asked for, as it is kept: 0 for what is no number."""
    return min(seconds, LONGEST_WAIT_S) if seconds > 0 else 0.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """``max_attempts`` tries, with 0, f, f², f³ … seconds before them (f is ``factor``).

    The default is the schedule that the contract asks for: 0, 4, 16, 64 s.
    """

    max_attempts: int = 4
    factor: float = 4.0

    @property
    def delays_s(self) -> tuple[float, ...]:
        """Seconds before each attempt."""
        return tuple(0.0 if n == 0 else self.factor**n for n in range(self.max_attempts))

    def next_delay_s(self, failed_attempts: int, error: ParsekitError) -> float | None:
        """Seconds until the next attempt, None when there is none.

        What the other side announced (``retry_after_s``) wins over the schedule, up to a day.
        """
        if not error.retryable or failed_attempts >= self.max_attempts:
            return None
        if error.retry_after_s is not None:
            return bounded_wait_s(error.retry_after_s)
        return self.delays_s[failed_attempts]
