"""What a command over many replays came to, and its exit code."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from parsekit.cli.exit import ExitCode
from parsekit.errors import ConfigInvalid, ParsekitError, ReplayNotFound


@dataclass(slots=True)
class Tally:
    """What a run came to. ``barren`` is what was said of arguments without a replay."""

    parsed: int = 0
    cached: int = 0
    failed: int = 0
    barren: list[ParsekitError] = field(default_factory=list)
    started_s: float = field(default_factory=time.monotonic)

    @property
    def replays(self) -> int:
        """Replays that have an outcome."""
        return self.parsed + self.cached + self.failed

    @property
    def exit_code(self) -> ExitCode:
        """Usage error when the arguments name nothing at all, else whether everything went well."""
        if not (self.failed or self.barren):
            return ExitCode.OK
        absent = all(isinstance(error, ReplayNotFound | ConfigInvalid) for error in self.barren)
        return ExitCode.USAGE if absent and not self.replays else ExitCode.FAILED

    def count(self, *, ok: bool, cached: bool) -> None:
        """One more replay has an outcome."""
        self.failed += not ok
        self.cached += ok and cached
        self.parsed += ok and not cached

    def __str__(self) -> str:
        counts = ((self.parsed, "parsed"), (self.cached, "from the cache"), (self.failed, "failed"))
        shown = ", ".join(f"{count} {what}" for count, what in counts if count)
        return f"{self.replays} replays in {time.monotonic() - self.started_s:.1f} s: {shown}"
