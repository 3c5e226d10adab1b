"""What shadow parsers on this machine may spend: one replay at a time, and so many an hour.

One small file is both: locked while a shadow is at work, and holding what is left. So processes
that come and go, such as command lines, share one budget.
"""

from __future__ import annotations

import fcntl
import json
import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from parsekit.storage.atomic import OwnedFolder

FILE_NAME = "shadow.json"
_HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class RateBudget:
    """``per_hour`` replays on average; what is saved up is at most an hour's worth, at least one.

    ``now`` is seconds since 1970.
    """

    path: Path
    per_hour: float
    now: Callable[[], float]

    @contextmanager
    def acquire(self) -> Iterator[ShadowPermit | None]:
        """Be the only shadow of this machine for the length of the block; None when one is at work.

        Raises OSError when the file can't be used: then nothing may be spent.
        """
        with OwnedFolder.open(self.path.parent, make=True) as folder:
            descriptor = folder.own_file(self.path.name, os.O_RDWR | os.O_CREAT)
        try:
            yield ShadowPermit(self, descriptor) if _locked(descriptor) else None
        finally:
            os.close(descriptor)


@dataclass(frozen=True, slots=True)
class ShadowPermit:
    """The right to run a shadow now."""

    budget: RateBudget
    descriptor: int

    def consume(self) -> bool:
        """Take one replay from what is left; False when there is none."""
        per_hour, now = self.budget.per_hour, self.budget.now()
        most = max(1.0, per_hour) if per_hour > 0 else 0.0
        left, since = self._read(most, now)
        left = min(most, left + max(0.0, now - since) * per_hour / _HOUR_S)
        granted = left >= 1.0
        self._write(left - granted, now)
        return granted

    def _read(self, most: float, now: float) -> tuple[float, float]:
        """What was left, and when; a file that is empty or damaged begins anew."""
        try:
            kept = json.loads(os.pread(self.descriptor, 4096, 0))
            left, since = float(kept["left"]), float(kept["since_unix"])
        except (ValueError, KeyError, TypeError, RecursionError):
            return most, now
        return (left, since) if math.isfinite(left) and math.isfinite(since) else (most, now)

    def _write(self, left: float, now: float) -> None:
        kept = json.dumps({"left": round(left, 6), "since_unix": now}).encode()
        os.pwrite(self.descriptor, kept, 0)
        os.ftruncate(self.descriptor, len(kept))


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
