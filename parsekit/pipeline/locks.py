"""Single flight: of all tasks that want the same replay at once, one does the work.

The key is content + parser + parser version. The owner is a task, not a process: a task that was
re-scheduled or redelivered takes its own flight up again, wherever it runs now.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


class Flight(Protocol):
    """The right to do the work for one key; ends with `release` or with its holder's death."""

    def hold(self, seconds: float) -> None:
        """Keep it for the owner while no process works on it, for at most ``seconds``."""
        ...

    def release(self) -> None:
        """Let the next task have it. Nothing happens when it is no longer ours."""
        ...


class Flights(Protocol):
    """Hands out flights to the tasks of this process, or of a whole deployment."""

    def claim(self, key: str, *, owner: str) -> Flight | None:
        """Take the flight; None while another task has it."""
        ...


class OwnFlight:
    """The flight of one run of one task, where it has one."""

    def __init__(self, flights: Flights, owner: str) -> None:
        self._flights = flights
        self._owner = owner
        self._flight: Flight | None = None

    @property
    def taken(self) -> bool:
        """Whether it has."""
        return self._flight is not None

    def take(self, key: str) -> bool:
        """Claim it, unless that was done; False while another task has it."""
        if self._flight is None:
            self._flight = self._flights.claim(key, owner=self._owner)
        return self.taken

    def hold(self, seconds: float) -> None:
        """Keep it for the task while that waits."""
        if self._flight is not None:
            self._flight.hold(seconds)

    def release(self) -> None:
        """Let the next task have it."""
        flight, self._flight = self._flight, None
        if flight is not None:
            flight.release()


@dataclass(slots=True)
class _Claim:
    owner: str
    token: int
    until: float | None = None


class LocalFlights:
    """Flights among the threads of one process. ``clock`` counts seconds and never goes back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._claims: dict[str, _Claim] = {}
        self._tokens = 0

    def claim(self, key: str, *, owner: str) -> LocalFlight | None:
        """Take the flight; None while another task has it."""
        with self._lock:
            current = self._claims.get(key)
            if current and current.owner != owner and not self._lapsed(current):
                return None
            self._tokens += 1
            self._claims[key] = _Claim(owner, self._tokens)
            return LocalFlight(self, key, self._tokens)

    def _lapsed(self, claim: _Claim) -> bool:
        return claim.until is not None and claim.until <= self._clock()

    def keep(self, key: str, token: int, seconds: float) -> None:
        """Let the claim lapse in ``seconds``."""
        with self._lock:
            current = self._claims.get(key)
            if current is not None and current.token == token:
                current.until = self._clock() + seconds

    def drop(self, key: str, token: int) -> None:
        """Forget the claim if this token still has it."""
        with self._lock:
            current = self._claims.get(key)
            if current is not None and current.token == token:
                del self._claims[key]


@dataclass(frozen=True, slots=True)
class LocalFlight:
    """A flight of `LocalFlights`; the token tells it from an earlier claim of the same task."""

    flights: LocalFlights
    key: str
    token: int

    def hold(self, seconds: float) -> None:
        """Keep it for its task for ``seconds`` more."""
        self.flights.keep(self.key, self.token, seconds)

    def release(self) -> None:
        """Let the next task have it."""
        self.flights.drop(self.key, self.token)
