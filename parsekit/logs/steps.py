"""One line a step of a task: what it was, how it ended, how long it took."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

from parsekit.errors import ParsekitError
from parsekit.logs.context import Facts, current_facts
from parsekit.logs.record import LogEntry, facts
from parsekit.logs.spans import End, spans

log = logging.getLogger("parsekit.task")

Take = Callable[[LogEntry], None]


@dataclass(slots=True)
class Lines:
    """Where lines of steps go. ``take(told)`` keeps them for later, past all of `logging`.

    A cached task has two lines and takes two milliseconds: `logging` alone would take five percent.
    """

    take: Take | None = None

    def tell(self, level: int, step: str, outcome: str, known: Facts) -> None:
        """Tell a line with what is known of the task by now."""
        message = f"{step} {outcome}"
        if self.take is None:
            log.log(level, message, extra=facts(step=step, outcome=outcome, **known))
        else:
            told = {**current_facts(), "step": step, "outcome": outcome, **known}
            self.take(LogEntry(time.time(), level, log.name, message, told))


#: Of this process.
lines = Lines()


class Step:
    """A step, for the length of a ``with`` block.

    Its ``outcome`` is "ok" unless the block says otherwise; an error's code, or its class, when the
    block raises. ``known`` are facts to add. A failure is no warning: whoever asked is told, and
    decides what it means.
    """

    __slots__ = ("_began", "_end", "_level", "known", "name", "outcome")

    def __init__(self, name: str, level: int = logging.INFO) -> None:
        self.name = name
        self.outcome = "ok"
        self.known: dict[str, object] = {}
        self._level = level
        self._began = time.monotonic()
        self._end: End | None = None

    def __enter__(self) -> Step:
        self._end = spans.begin(self.name) if spans.begin is not None else None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if error is not None:
            self.outcome = error.code if isinstance(error, ParsekitError) else type(error).__name__
        if self._end is not None:
            self._end(self.outcome, error is not None)
        level = self._level if error is None else logging.INFO
        if log.isEnabledFor(level):
            self.known["duration_ms"] = round((time.monotonic() - self._began) * 1000, 1)
            if error is not None:
                self.known["error"] = error
            lines.tell(level, self.name, self.outcome, self.known)


def tell_step(name: str, outcome: str, **known: object) -> None:
    """The line of a step that takes no time of its own."""
    if log.isEnabledFor(logging.INFO):
        lines.tell(logging.INFO, name, outcome, known)
