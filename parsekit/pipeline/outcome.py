"""Make the `Outcome` of a task from what it learned."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from parsekit.clock import Clock
from parsekit.errors import ParsekitError
from parsekit.model import Failure, Outcome, Request, Timings
from parsekit.pipeline.state import RunState
from parsekit.storage.results import Result

if TYPE_CHECKING:
    from parsekit.body.timeline import Timeline


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeBuilder:
    """A task at its end. ``answer_as`` is the parser's name for callers that only know some."""

    request: Request
    state: RunState
    clock: Clock
    answer_as: str | None = None
    warnings: tuple[str, ...] = ()
    timeline: Timeline | None = None

    def with_result(
        self, result: Result, *, output_path: str | None, found: bool, put_ms: int | None = None
    ) -> Outcome:
        """The task has a result; ``found`` says that it was looked up.

        A result of this very task, made before its worker died, does not count as cached.
        """
        own = result.task_id == self.request.task_id
        return Outcome(
            replay=self.request.shown,
            task_id=self.request.task_id,
            hash=result.sha256,
            parser=result.name.parser,
            answer_as=self.answer_as,
            parser_version=result.name.version,
            cached=found and not own,
            output_path=output_path,
            data=result.data.value,
            data_text=result.data.text,
            timings=self._timings(put_ms),
            replay_bytes=result.size_bytes,
            warnings=(*result.warnings, *self.warnings),
            timeline=self.timeline,
            tried=self.state.tried or (result.tried if own else ()),
        )

    def with_error(self, error: ParsekitError, *, parser: str, version: str) -> Outcome:
        """The task failed; a caller who sees only the message learns of every parser from it."""
        failure = Failure.of(error)
        if self.state.tried:
            others = ", ".join(map(str, self.state.tried))
            failure = replace(failure, message=f"{failure.message}; tried before: {others}")
        return Outcome(
            replay=self.request.shown,
            task_id=self.request.task_id,
            hash=self.state.sha256,
            parser=parser,
            answer_as=self.answer_as,
            parser_version=version,
            failure=failure,
            timings=self._timings(None),
            replay_bytes=self.state.size_bytes,
            tried=self.state.tried,
        )

    def _timings(self, put_ms: int | None) -> Timings:
        total_s = self.clock.now() - self.state.started_unix
        return Timings(
            get_ms=self.state.get_ms,
            parse_ms=self.state.parse_ms,
            put_ms=put_ms,
            total_ms=max(0, round(total_s * 1000)),
        )
