"""Replays of one command through the pipeline, outcomes to the writers."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from parsekit.batch.in_order import in_order
from parsekit.batch.inputs import STDIN, Input, NoMatch
from parsekit.cli.exit import say, say_error
from parsekit.cli.interrupt import Interrupt
from parsekit.cli.stdin import spooled
from parsekit.cli.verdict import Tally
from parsekit.errors import Cancelled, ParsekitError
from parsekit.formats.writer import Writer
from parsekit.model import Failure, Outcome, Request
from parsekit.pipeline.drive import drive
from parsekit.pipeline.pipeline import Pipeline
from parsekit.records.audit_trail import local_caller


@dataclass(frozen=True, slots=True, kw_only=True)
class ParseRun:
    """What is the same for every replay of a run; ``timeline`` is what `Request.timeline` asks."""

    pipeline: Pipeline
    writers: list[Writer]
    interrupt: Interrupt
    parser: str | None
    disable_cache: bool
    jobs: int
    timeline: bool = False
    tally: Tally = field(default_factory=Tally)

    @property
    def exit_code(self) -> int:
        """That of what was done so far, or of the signal that ended it."""
        interrupt = self.interrupt
        return self.tally.exit_code if interrupt.number is None else interrupt.exit_code

    def all(self, found: Iterable[Input | NoMatch]) -> None:
        """Parse what was found, to the end of the output. Raises `OutputLost`."""
        try:
            for _ in self.each(found):
                pass
        finally:
            self.close()

    def each(self, found: Iterable[Input | NoMatch]) -> Iterator[Outcome]:
        """Parse what was found; yield what was written or reported, in its order.

        Raises `OutputLost`.
        """
        stop = self.interrupt.stop
        for outcome in in_order(self.parse, self._inputs(found), jobs=self.jobs, stop=stop):
            if self._take(outcome):
                yield outcome

    def close(self) -> None:
        """Begin nothing more, also when the reader of the output went away, and end the output."""
        self.interrupt.stop.set()
        for writer in self.writers:
            writer.close()

    def _inputs(self, found: Iterable[Input | NoMatch]) -> Iterator[Input]:
        for one in found:
            if isinstance(one, Input):
                yield one
            else:
                self.tally.barren.append(one.error)
                say_error(one.error.message)

    def parse(self, one: Input) -> Outcome:
        """Parse one replay, without output."""
        if one.replay != STDIN:
            return self._drive(one.replay)
        try:
            limit = self.pipeline.config.limits.replay_bytes
            with spooled(limit, self.interrupt.stop) as path:
                return _renamed(self._drive(str(path)), str(path))
        except ParsekitError as exc:
            return Outcome(replay=STDIN, task_id="", failure=Failure.of(exc))

    def _drive(self, replay: str) -> Outcome:
        request = Request(
            replay=replay,
            task_id=str(uuid.uuid4()),
            place="local",
            parser=self.parser,
            disable_cache=self.disable_cache,
            caller=local_caller("cli"),
            timeline=self.timeline,
        )
        return drive(self.pipeline, request, stop=self.interrupt.stop)

    def _take(self, outcome: Outcome) -> bool:
        """Count and write one outcome; False leaves it for the next run, as what was cut off."""
        if outcome.failure is not None:
            if outcome.failure.code == Cancelled.code and self.interrupt.stop.is_set():
                return False
            self.tally.failed += 1
            say_error(_shown(outcome.replay, outcome.failure.message))
        for warning in outcome.warnings:
            say(f"warning: {_shown(outcome.replay, warning)}")
        try:
            for writer in self.writers:
                writer.write(outcome)
        except ParsekitError as exc:
            self.tally.failed += 1
            say_error(_shown(outcome.replay, exc.message))
            return False
        if outcome.ok:
            self.tally.count(ok=True, cached=outcome.cached)
        return True

    def summary(self) -> None:
        """Print what a run over several replays came to."""
        if self.interrupt.number is not None:
            say(f"interrupted after {self.tally.replays} replays; {self._another_run()}")
        elif self.tally.replays > 1:
            say(str(self.tally))

    def _another_run(self) -> str:
        """What comes of it if the same command is given again."""
        if self.pipeline.config.host.disable_cache:
            return "with disableCache set, another run begins anew"
        if self.disable_cache:
            return "run again without --no-cache to go on from there"
        return "run again to go on from there"


def _renamed(outcome: Outcome, path: str) -> Outcome:
    """Speak of standard input, not of the temporary file that it was kept in."""
    failure = outcome.failure
    if failure is not None:
        failure = replace(failure, message=failure.message.replace(path, "standard input"))
    return replace(outcome, replay=STDIN, failure=failure)


def _shown(replay: str, message: str) -> str:
    return message if message.startswith(replay) else f"{replay}: {message}"
