"""How often a task began the step that may end its process."""

from __future__ import annotations

from typing import Protocol

from parsekit.errors import PoisonReplay
from parsekit.model import Request

#: A replay that ended its process this often is dead-lettered with `PoisonReplay`.
MAX_CRASHES = 3


class CrashCounter(Protocol):
    """Counts beginnings in a place that outlives the process."""

    def begin(self, task_id: str) -> int:
        """Count one more before the dangerous step, and return the count, 1 the first time."""
        ...

    def clear(self, task_id: str) -> None:
        """Forget the count, as the step ended and the process survived it."""
        ...


class CrashGuard:
    """The attempts of one run of one task. Where nobody counts them, all this does nothing."""

    def __init__(self, crashes: CrashCounter | None, request: Request) -> None:
        self._crashes = crashes
        self._request = request
        self._count = 0
        self._kept = False

    @property
    def counted(self) -> bool:
        """Whether anybody counts."""
        return self._crashes is not None

    def begin(self) -> None:
        """Count once a run, before what may end the process. Raises `PoisonReplay`."""
        if self._crashes is None or self._count:
            return
        self._count = self._crashes.begin(self._request.task_id)
        if self._count > MAX_CRASHES:
            raise self.poison("it ended its worker")

    def keep_for_retry(self) -> bool:
        """After a crash: whether to try again; the count is kept until then."""
        self._kept = self._count < MAX_CRASHES
        return self._kept

    def poison(self, what: str) -> PoisonReplay:
        """The error of a replay with which that happened too often."""
        return PoisonReplay(
            f"{self._request.replay} was put aside after {MAX_CRASHES} tries: {what}; "
            "see `parsekit dead-letters list`"
        )

    def reset(self) -> None:
        """Begin anew, as the process survived the run, or another parser takes over."""
        if self._crashes is not None and not self._kept:
            self._crashes.clear(self._request.task_id)
            self._count = 0
