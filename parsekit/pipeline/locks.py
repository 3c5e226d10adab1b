"""Locks of results: their interface, and the implementation for the threads of one process.

The key is content + parser + parser version. The owner is a task, not a process: a task that was
re-scheduled or redelivered takes its own lock up again, wherever it runs now.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


class Lock(Protocol):
    """The right to do the work for one key; ends with `release` or with its holder's death."""

    def extend(self, seconds: float) -> None:
        """Keep it for the owner while no process works on it, for at most ``seconds``."""
        ...

    def release(self) -> None:
        """Let the next task have it. Nothing happens when it is no longer ours."""
        ...


class Locks(Protocol):
    """Hands out locks to the tasks of this process, or of a whole deployment."""

    def acquire(self, key: str, *, owner: str) -> Lock | None:
        """The lock; None while another task has it."""
        ...


class HeldLock:
    """The lock of one run of one task, where it has one."""

    def __init__(self, locks: Locks, owner: str) -> None:
        self._locks = locks
        self._owner = owner
        self._lock: Lock | None = None

    @property
    def held(self) -> bool:
        """Whether this run has the lock."""
        return self._lock is not None

    def acquire(self, key: str) -> bool:
        """Claim it, unless that was done; False while another task has it."""
        if self._lock is None:
            self._lock = self._locks.acquire(key, owner=self._owner)
        return self.held

    def extend(self, seconds: float) -> None:
        """Keep it for the task while that waits."""
        if self._lock is not None:
            self._lock.extend(seconds)

    def release(self) -> None:
        """Let the next task have it."""
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.release()


@dataclass(slots=True)
class _Claim:
    owner: str
    token: int
    until: float | None = None


class LocalLocks:
    """Locks among the threads of one process. ``clock`` counts seconds and never goes back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._claims: dict[str, _Claim] = {}
        self._tokens = 0

    def acquire(self, key: str, *, owner: str) -> LocalLock | None:
        """Take the lock; None while another task has it."""
        with self._lock:
            current = self._claims.get(key)
            if current and current.owner != owner and not self._lapsed(current):
                return None
            self._tokens += 1
            self._claims[key] = _Claim(owner, self._tokens)
            return LocalLock(self, key, self._tokens)

    def _lapsed(self, claim: _Claim) -> bool:
        return claim.until is not None and claim.until <= self._clock()

    def extend(self, key: str, token: int, seconds: float) -> None:
        """Let the claim lapse in ``seconds``."""
        with self._lock:
            current = self._claims.get(key)
            if current is not None and current.token == token:
                current.until = self._clock() + seconds

    def release(self, key: str, token: int) -> None:
        """Forget the claim if this token still has it."""
        with self._lock:
            current = self._claims.get(key)
            if current is not None and current.token == token:
                del self._claims[key]


@dataclass(frozen=True, slots=True)
class LocalLock:
    """A lock of `LocalLocks`; the token tells it from an earlier claim of the same task."""

    locks: LocalLocks
    key: str
    token: int

    def extend(self, seconds: float) -> None:
        """Keep it for its task for ``seconds`` more."""
        self.locks.extend(self.key, self.token, seconds)

    def release(self) -> None:
        """Let the next task have it."""
        self.locks.release(self.key, self.token)
