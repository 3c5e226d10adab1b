"""One run of one task: what was asked, what is known by now, and the services that it uses."""

from __future__ import annotations

from contextlib import ExitStack
from itertools import groupby
from typing import TYPE_CHECKING, Any

from parsekit.errors import BadRequest, ParsekitError
from parsekit.logs.context import Facts
from parsekit.model import Failure, Outcome, Replay, Request, Tried
from parsekit.pipeline.crash_limit import CrashGuard
from parsekit.pipeline.finish import Reporter
from parsekit.pipeline.locks import HeldLock
from parsekit.pipeline.outcome import OutcomeBuilder
from parsekit.pipeline.services import Services
from parsekit.pipeline.state import RunState, Waiting
from parsekit.providers import ParserEntry
from parsekit.records.audit_trail import AuditedStorage, TaskStatus
from parsekit.retry import bounded_wait_s
from parsekit.storage.results import Result, ResultName, ResultStore
from parsekit.storage.sources import Source, open_source
from parsekit.storage.tickets import Tickets

if TYPE_CHECKING:
    from parsekit.body.timeline import Timeline


class Task:
    """A task during one run, which the steps of `parsekit.pipeline.run` take on.

    ``state`` is what outlives the run: frozen, and replaced as the task learns. ``replay`` is the
    checked file once this run has fetched it, ``fresh_result`` the result that this run has made,
    ``timeline`` what came with it, and ``cleanup`` removes what the run has put on the disk.
    Raises `BadRequest` for a state that names a parser which is not there.
    """

    def __init__(self, services: Services, request: Request, state: RunState) -> None:
        self.services = services
        self.request = request
        self.state = state
        host = services.config.host
        # A parser may stand in the chain twice, so that it can be the last resort as well.
        asked = (request.parser or host.parser, *(host.fallback if request.fallback else ()))
        self._chain = tuple(name for name, _ in groupby(asked))
        if state.parser_index >= len(self._chain):
            raise BadRequest(
                f"the task waits for parser {state.parser_index + 1}, which is not there"
            )
        self.reporter = Reporter(
            request,
            services.listeners,
            services.clock,
            reached=state.progress,
            facts=self.log_fields,
        )
        self.storage = AuditedStorage(services.storage, self.reporter.trail)
        self.results = ResultStore(self.storage, services.signer)
        self.tickets = Tickets(self.storage, services.signer)
        self.lock = HeldLock(services.locks, request.task_id)
        self.crashes = CrashGuard(services.crashes, request)
        self.skips_cache = host.disable_cache or request.disable_cache
        # What a message says of the content holds for what is there now, and no longer.
        self.content_identified = request.place != "storage"
        self.found_damaged = False
        self.replay: Replay | None = None
        self.fresh_result: Result | None = None
        self.timeline: Timeline | None = None
        self.cleanup = ExitStack()

    # what it is about

    @property
    def parser(self) -> str:
        """The name of the parser whose turn it is."""
        return self._chain[self.state.parser_index]

    @property
    def entry(self) -> ParserEntry:
        """The parser whose turn it is. Raises `ConfigInvalid` naming the known ones."""
        return self.services.parsers.entry(self.parser)

    @property
    def has_next_parser(self) -> bool:
        """Whether one is left; it is of no use against what happens before or after the parse."""
        in_parse = self.state.step in ("", "parse")
        return in_parse and self.state.parser_index + 1 < len(self._chain)

    @property
    def source(self) -> Source:
        """Where the replay comes from. Raises `BadRequest` for a malformed key."""
        return open_source(self.request, self.storage)

    @property
    def result_name(self) -> ResultName:
        """What its result is of; the content is identified by now."""
        entry, fingerprint = self.entry, self.state.fingerprint or ""
        return ResultName(fingerprint=fingerprint, parser=entry.name, version=entry.version)

    @property
    def known_result_name(self) -> ResultName | None:
        """The same, None while content or parser is not known."""
        if self.state.fingerprint is None or self.parser not in self.services.parsers:
            return None
        return self.result_name

    def log_fields(self) -> Facts:
        """What a line of the log says of the task."""
        state = self.state
        failures = state.parse_failures if state.step == "parse" else state.storage_failures
        return {
            "task_id": self.request.task_id,
            "replay": self.request.shown,
            "hash": state.sha256 or state.fingerprint,
            "parser": self.parser,
            "attempt": failures + 1,
        }

    def status(self, result: str) -> TaskStatus:
        """How it stands, for the audit, while it has not ended."""
        return TaskStatus(result=result, parser=self.parser, hash=self.state.sha256)

    # how it goes on

    def update(self, **facts: Any) -> None:
        """Replace these fields of the state."""
        self.state = self.state.replace(**facts)

    def begin_step(self, step: str) -> None:
        """Begin a step, unless somebody wants the task to end: raises the error for that."""
        self.stop_if_interrupted()
        self.update(step=step)
        if step == "parse":  # the storage is well by then, so its failures are forgotten
            self.update(storage_failures=0)

    def stop_if_interrupted(self) -> None:
        """Raise the error with which somebody, such as an operator, wants this task to end."""
        error = self.services.interruption(self.request.task_id)
        if error is not None:
            raise error

    def wait(self, after_s: float, reason: str) -> Waiting:
        """Go back to the driver, which calls again in ``after_s`` seconds, a day at most."""
        state = self.state.replace(progress=self.reporter.progress.reached)
        return Waiting(state=state.to_json(), after_s=bounded_wait_s(after_s), reason=reason)

    def use_next_parser(self, error: ParsekitError) -> None:
        """Give up what the parser had, and have the next one of the chain asked."""
        tried = Tried(parser=self.parser, failure=Failure.of(error))
        self.end_ticket(error)
        self.lock.release()
        self.crashes.reset()
        self.state = self.state.for_next_parser(tried)

    def end_ticket(self, error: ParsekitError) -> None:
        """Remove the stored ticket, unless a repeat of the task can use it after this error."""
        name = self.known_result_name
        if self.state.ticket is not None and name is not None:
            self.tickets.end(name, error)

    # how it ends

    def outcome(self, *warnings: str) -> OutcomeBuilder:
        """Makes the outcome of what is known."""
        return OutcomeBuilder(
            request=self.request,
            state=self.state,
            clock=self.services.clock,
            answer_as=self.services.config.host.answer_as,
            warnings=warnings,
            timeline=self.timeline,
        )

    def failed(self, error: ParsekitError) -> Outcome:
        """The outcome of a task that ends with an error."""
        if self.state.step == "parse":
            self.update(parse_ms=self.parse_ms())
        self.end_ticket(error)
        known = self.parser in self.services.parsers
        version = self.entry.version if known else ""
        return self.outcome().with_error(error, parser=self.parser, version=version)

    def parse_ms(self) -> int:
        """From the first call of the parser until now, with all waiting."""
        now = self.services.clock.now()
        return max(0, round((now - (self.state.parse_began_unix or now)) * 1000))

    def publish_end(self, outcome: Outcome) -> Outcome:
        """Publish how the task ended, once however often it is delivered."""
        return self.reporter.end(outcome, self.services.reports)
