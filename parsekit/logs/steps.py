"""One line a step of a task, and one span: what it was, how it ended, how long it took."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING

from parsekit.errors import ParsekitError
from parsekit.logs.context import current_facts
from parsekit.logs.fields import NAMES
from parsekit.logs.record import facts
from parsekit.redaction.secrets import cleaned, cleaned_name

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from opentelemetry.trace import Span, Tracer

log = logging.getLogger("parsekit.task")

#: None without the extra ``parsekit[worker]``: nothing but a worker exports traces.
tracer: Tracer | None = None
try:
    from opentelemetry import trace
except ImportError:
    pass
else:
    tracer = trace.get_tracer("parsekit")

#: Longer facts of a span are cut, characters: callers choose some of them.
_MAX_FACT = 500


class Step:
    """A step, for the length of a ``with`` block.

    Its ``outcome`` is "ok" unless the block says otherwise; an error's code, or its class, when the
    block raises. ``known`` are facts to add. A failure is no warning: whoever asked gets it, and
    decides what it means.
    """

    __slots__ = ("_began", "_level", "_span", "known", "name", "outcome")

    def __init__(self, name: str, level: int = logging.INFO) -> None:
        self.name = name
        self.outcome = "ok"
        self.known: dict[str, object] = {}
        self._level = level
        self._began = time.monotonic()
        self._span: AbstractContextManager[Span] | None = None

    def __enter__(self) -> Step:
        if tracer is not None and (span := tracer.start_span(self.name)).is_recording():
            self._span = current_span(span)
            self._span.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if error is not None:
            self.outcome = error.code if isinstance(error, ParsekitError) else type(error).__name__
        if self._span is not None:
            _describe(trace.get_current_span(), self.outcome, failed=error is not None)
            self._span.__exit__(None, None, None)
        level = self._level if error is None else logging.INFO
        if log.isEnabledFor(level):
            self.known["duration_ms"] = round((time.monotonic() - self._began) * 1000, 1)
            if error is not None:
                self.known["error"] = error
            _log(level, self.name, self.outcome, self.known)


def log_step(name: str, outcome: str, **known: object) -> None:
    """The line of a step that takes no time of its own."""
    _log(logging.INFO, name, outcome, known)


def _log(level: int, step: str, outcome: str, known: Mapping[str, object]) -> None:
    log.log(level, f"{step} {outcome}", extra=facts(step=step, outcome=outcome, **known))


def current_span(span: Span) -> AbstractContextManager[Span]:
    """Make it the current one for a block, and end it; what the block raises may hold secrets."""
    return trace.use_span(
        span, end_on_exit=True, record_exception=False, set_status_on_exception=False
    )


def _describe(span: Span, outcome: str, *, failed: bool) -> None:
    for fact, value in current_facts().items():
        if isinstance(value, str | int) and value != "":
            span.set_attribute(f"parsekit.{fact}", _shown(fact, value))
    span.set_attribute("parsekit.outcome", outcome)
    if failed:
        span.set_status(trace.StatusCode.ERROR, outcome)


def _shown(fact: str, value: str | int) -> str | int:
    """Without secrets, as in a line of the log."""
    if not isinstance(value, str):
        return value
    return (cleaned_name(value) if fact in NAMES else cleaned(value))[:_MAX_FACT]
