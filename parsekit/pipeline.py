"""One replay from request to outcome: look up, fetch, check, parse, store, report.

`Pipeline.run` goes as far as it can now. What has to wait comes back as `Waiting`, and the driver
calls again with its state, in this process or in any other; nothing is done twice by that.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from parsekit import events
from parsekit.attempts import MAX_ATTEMPTS, Attempts
from parsekit.clock import Clock
from parsekit.config import Config
from parsekit.errors import (
    ParsekitError,
    PluginFailed,
    PoisonReplay,
    QuotaExhausted,
    StorageDenied,
    StorageUnavailable,
)
from parsekit.flights import Flight, Flights, LocalFlights
from parsekit.host.listeners import Listeners
from parsekit.model import (
    Failure,
    Job,
    NotReady,
    Outcome,
    Parsed,
    Replay,
    Request,
    Timings,
    Tried,
)
from parsekit.parsing import Parsers
from parsekit.progress import ProgressTeller, analytics_event
from parsekit.providers import ParserEntry, Storage
from parsekit.replay import check_envelope
from parsekit.reports import Reports
from parsekit.results import Result, ResultName, decode
from parsekit.retry import RetryPolicy
from parsekit.run_state import RunState
from parsekit.sources import open_source, sha256_of
from parsekit.tickets import Kept, Tickets
from parsekit.workspace import workspace

log = logging.getLogger("parsekit.pipeline")

#: How soon a task looks again for the result that another task is making, seconds.
JOINED_AFTER_S = 1.0
#: How long a waiting task keeps its flight beyond the time at which it is to go on, seconds.
FLIGHT_MARGIN_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """The task goes on later: call `Pipeline.run` again with ``state`` in ``after_s`` seconds.

    ``state`` is small JSON and enough for any worker on any machine.
    """

    state: Mapping[str, Any]
    after_s: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """The road that every driver takes. Used from several threads at once, one a process.

    ``must_store`` False lets a task succeed, with a warning, whose result can't be stored: right
    for a person at a terminal, wrong for a service. ``storage_retry`` is how patient it is with a
    storage that is away.
    """

    config: Config
    parsers: Parsers
    storage: Storage
    listeners: Listeners
    flights: Flights = field(default_factory=LocalFlights)
    attempts: Attempts | None = None
    reports: Reports | None = None
    clock: Clock = field(default_factory=Clock)
    storage_retry: RetryPolicy = field(default_factory=RetryPolicy)
    must_store: bool = True

    def run(self, request: Request, state: Mapping[str, Any] | None = None) -> Outcome | Waiting:
        """Go as far as possible now. Raises nothing that a replay, caller or plugin can cause."""
        begun = RunState(started_unix=self.clock.now())
        try:
            task = _Task(self, request, RunState.from_json(state) if state else begun)
        except ParsekitError as error:
            task = _Task(self, request, begun)
            return task.end(task.failed(error))
        if state is None:
            task.teller.step(events.STARTED)
        return task.advance()

    def close(self, grace_s: float = 5.0) -> None:
        """End children, let listeners send what they hold, close the storage."""
        self.parsers.close()
        self.listeners.close(grace_s)
        self.storage.close()


class _Task:
    """One run of one task; ``state`` is replaced as it learns, never changed."""

    def __init__(self, pipeline: Pipeline, request: Request, state: RunState) -> None:
        self.line = pipeline
        self.request = request
        self.state = state
        self.teller = ProgressTeller(pipeline.listeners, request, state.progress)
        self.tickets = Tickets(pipeline.storage)
        self.flight: Flight | None = None
        self.replay: Replay | None = None
        self.damaged_result = False
        self.warnings: list[str] = []
        self.stack = ExitStack()

    # -- one run ---------------------------------------------------------------------------------

    def advance(self) -> Outcome | Waiting:
        """Run until the task ends or waits, and leave nothing behind in this process."""
        with self.stack:
            answer = self._answer()
            self._leave_flight(answer)
        if self.line.attempts is not None:
            self.line.attempts.clear(self.request.task_id)
        return self.end(answer) if isinstance(answer, Outcome) else answer

    def _answer(self) -> Outcome | Waiting:
        while True:
            try:
                return self._road()
            except ParsekitError as error:
                answer = self._after(error)
            except Exception as exc:
                log.exception("task %s: a plugin broke its promise", self.request.task_id)
                text = " ".join(f"{type(exc).__name__}: {exc}".split())[:500]
                answer = self._after(PluginFailed(f"{self.state.step or 'start'}: {text}"))
            if answer is not None:
                return answer

    def _road(self) -> Outcome | Waiting:
        """Look up, fetch, check, parse, store."""
        entry = self._entry()
        if self.state.parsed is not None:
            return self._store(self._name(entry), self.state.parsed)
        name = self._look(entry)
        if (cached := self._look_up(name)) is not None:
            return cached
        if not self._take_flight(name):
            return self._join()
        if (made := self._look_up(name)) is not None:
            return made
        answer = self._parse(entry, name)
        if isinstance(answer, NotReady):
            return self._wait_for_parser(name, answer)
        return self._store(name, self._document(name, answer))

    # -- look up ---------------------------------------------------------------------------------

    def _entry(self) -> ParserEntry:
        self._at("config")
        return self.line.parsers.entry(self._chain()[self.state.parser_index])

    def _chain(self) -> tuple[str, ...]:
        host = self.line.config.host
        return tuple(dict.fromkeys((self.request.parser or host.parser, *host.fallback)))

    def _look(self, entry: ParserEntry) -> ResultName:
        """Find out what content this is, without fetching it where the source can tell."""
        if self.state.fingerprint is None:
            self._at("look")
            content = self._source().look(self.line.config.limits.replay_bytes)
            self.state = self.state.but(size_bytes=content.size_bytes)
            fingerprint = content.fingerprint or self._fetched().sha256
            self.state = self.state.but(fingerprint=fingerprint)
        return self._name(entry)

    def _name(self, entry: ParserEntry) -> ResultName:
        fingerprint = self.state.fingerprint or ""
        return ResultName(fingerprint=fingerprint, parser=entry.name, version=entry.version)

    def _look_up(self, name: ResultName) -> Outcome | None:
        """The stored result, when there is one that this task may have."""
        self._at("look up")
        try:
            body = self.line.storage.read(name.key(self.line.storage.results_prefix))
        except (StorageUnavailable, StorageDenied) as error:
            if self.line.must_store:
                raise
            log.warning("stored results can't be looked up: %s", error)
            return None
        result = decode(body, name) if body is not None else None
        self.damaged_result = body is not None and result is None
        return self._outcome(result, cached=True) if result and self._may_have(result) else None

    def _may_have(self, result: Result) -> bool:
        """Without the cache a task still takes its own result, or one that it waited for."""
        if not (self.line.config.host.disable_cache or self.request.disable_cache):
            return True
        joined = self.state.joined_unix
        waited_for = joined is not None and result.stored_unix >= joined
        return waited_for or result.task_id == self.request.task_id

    # -- single flight ---------------------------------------------------------------------------

    def _take_flight(self, name: ResultName) -> bool:
        if self.flight is None:
            self.flight = self.line.flights.claim(name.flight, owner=self.request.task_id)
        return self.flight is not None

    def _join(self) -> Waiting:
        joined = self.state.joined_unix or self.line.clock.now()
        self.state = self.state.but(joined_unix=joined)
        return self._waiting(JOINED_AFTER_S, "another task parses this replay")

    def _leave_flight(self, answer: Outcome | Waiting) -> None:
        if self.flight is None:
            return
        if isinstance(answer, Waiting):
            self.flight.hold(answer.after_s + FLIGHT_MARGIN_S)
        else:
            self.flight.release()

    # -- fetch and check -------------------------------------------------------------------------

    def _source(self) -> Any:
        return open_source(self.request, self.line.storage)

    def _fetched(self) -> Replay:
        """The replay as a checked file of our own."""
        if self.replay is None:
            self._at("fetch")
            self.teller.step(events.FETCHING)
            began = self.line.clock.ticks()
            path = self.stack.enter_context(workspace()) / "fetched.replay"
            max_bytes = self.line.config.limits.replay_bytes
            self._source().fetch(path, max_bytes)
            self.state = self.state.but(get_ms=self.line.clock.ms_since(began))
            size = check_envelope(path, max_bytes=max_bytes).size_bytes
            sha256 = sha256_of(path)
            self._refuse_change(sha256, size)
            self.replay = Replay(
                path=path, name=self.request.replay, sha256=sha256, size_bytes=size
            )
            self.state = self.state.but(sha256=sha256, size_bytes=size)
        return self.replay

    def _refuse_change(self, sha256: str, size_bytes: int) -> None:
        """What was looked up and what was fetched must be the same content."""
        known = self.state.fingerprint or sha256
        same = known == sha256 if len(known) == len(sha256) else self.state.size_bytes == size_bytes
        if not same:
            self.state = self.state.but(fingerprint=None, ticket=None, joined_unix=None)
            raise StorageUnavailable(f"{self.request.replay}: changed while it was read")

    # -- parse -----------------------------------------------------------------------------------

    def _parse(self, entry: ParserEntry, name: ResultName) -> Parsed | NotReady:
        self._count_attempt()
        if entry.runs == "remote" and self.state.ticket is None:
            self._find_ticket(name)
        resuming = self.state.ticket is not None and not self.state.needs_replay
        replay = None if resuming else self._fetched()
        self._at("parse")
        if self.state.parse_began_unix is None:
            self.state = self.state.but(parse_began_unix=self.line.clock.now())
        job = self._job(name)
        if replay is None:
            return self.line.parsers.resume(entry, job)
        return self.line.parsers.parse(entry, replay, job)

    def _count_attempt(self) -> None:
        """Count before what may end the process, so that a replay can't end one for ever."""
        if self.line.attempts is None:
            return
        count = self.line.attempts.begin(self.request.task_id)
        if count > MAX_ATTEMPTS:
            raise PoisonReplay(
                f"{self.request.replay}: ended its worker {MAX_ATTEMPTS} times and was put aside; "
                "see `parsekit dead-letters list`"
            )

    def _find_ticket(self, name: ResultName) -> None:
        if (kept := self.tickets.find(name)) is None:
            return
        self.teller.reached = max(self.teller.reached, kept.progress)
        self.state = self.state.but(
            ticket=kept.ticket,
            sha256=kept.sha256,
            size_bytes=kept.size_bytes,
            parse_began_unix=kept.parse_began_unix,
        )

    def _job(self, name: ResultName) -> Job:
        return Job(
            task_id=self.request.task_id,
            ticket=self.state.ticket,
            bulk=self.request.bulk,
            has_fallback=self.state.parser_index + 1 < len(self._chain()),
            progress=self.teller.parser_step,
            checkpoint=lambda ticket: self._keep_ticket(name, ticket),
        )

    def _keep_ticket(self, name: ResultName, ticket: Mapping[str, Any]) -> None:
        self.state = self.state.but(ticket=dict(ticket), needs_replay=False)
        kept = Kept(
            ticket=ticket,
            sha256=self.state.sha256,
            size_bytes=self.state.size_bytes,
            progress=self.teller.reached,
            parse_began_unix=self.state.parse_began_unix or self.line.clock.now(),
        )
        try:
            self.tickets.keep(name, kept)
        except ParsekitError as error:  # the state of the task holds it as well
            log.warning("task %s: ticket not kept: %s", self.request.task_id, error)

    def _wait_for_parser(self, name: ResultName, answer: NotReady) -> Waiting:
        if not answer.needs_replay and dict(answer.ticket) != self.state.ticket:
            self._keep_ticket(name, answer.ticket)
        self.state = self.state.but(
            ticket=dict(answer.ticket), needs_replay=answer.needs_replay, failures=0
        )
        return self._waiting(answer.after_s, answer.reason or "the parser is not ready")

    # -- store -----------------------------------------------------------------------------------

    def _document(self, name: ResultName, parsed: Parsed) -> bytes:
        self.state = self.state.but(parse_ms=self._parse_ms())
        result = Result(
            name=name,
            sha256=self.state.sha256,
            size_bytes=self.state.size_bytes,
            task_id=self.request.task_id,
            stored_unix=self.line.clock.now(),
            data=parsed.data,
            warnings=parsed.warnings,
        )
        body = result.encode(name.key(self.line.storage.results_prefix))
        self.state = self.state.but(parsed=body)
        return body

    def _parse_ms(self) -> int:
        """From the first call of the parser until now, with all waiting."""
        now = self.line.clock.now()
        return max(0, round((now - (self.state.parse_began_unix or now)) * 1000))

    def _store(self, name: ResultName, body: bytes) -> Outcome:
        self._at("store")
        result = decode(body, name)
        if result is None:
            raise PluginFailed("a result that was just made can't be read back")
        began = self.line.clock.ticks()
        try:
            result = self._written(name, body, result)
            self._drop_ticket(name)
        except (StorageUnavailable, StorageDenied) as error:
            if self.line.must_store:
                raise
            self.warnings.append(f"the result is not stored: {error}")
            return self._outcome(result, cached=False, stored=False)
        return self._outcome(result, cached=False, put_ms=self.line.clock.ms_since(began))

    def _written(self, name: ResultName, body: bytes, result: Result) -> Result:
        """Store, and answer what now stands there: the first of two writers wins."""
        key = name.key(self.line.storage.results_prefix)
        off = self.line.config.host.disable_cache or self.request.disable_cache
        if self.line.storage.write(key, body, replace=off or self.damaged_result):
            return result
        theirs = self.line.storage.read(key)
        stands = decode(theirs, name) if theirs is not None else None
        if stands is None:
            self.line.storage.write(key, body, replace=True)
        return stands or result

    def _drop_ticket(self, name: ResultName) -> None:
        if self.state.ticket is not None:
            self.tickets.drop(name)

    # -- errors ----------------------------------------------------------------------------------

    def _at(self, step: str) -> None:
        """Enter a step; failed attempts are counted anew in another one."""
        if step != self.state.step and step not in ("config", "look up"):
            self.state = self.state.but(step=step, failures=0)

    def _after(self, error: ParsekitError) -> Outcome | Waiting | None:
        """Judge an error: wait and try again, go on with the next parser (None), or end."""
        failures = self.state.failures + 1
        delay = self._policy().next_delay_s(failures, error)
        more = self.state.parser_index + 1 < len(self._chain())
        if more and error.fallback and (delay is None or isinstance(error, QuotaExhausted)):
            self._next_parser(error)
            return None
        if delay is not None:
            self.state = self.state.but(failures=failures)
            return self._waiting(delay, error.message)
        return self.failed(error)

    def _policy(self) -> RetryPolicy:
        if self.state.step == "parse":
            return self.line.parsers.policy(self._entry())
        return self.line.storage_retry

    def _next_parser(self, error: ParsekitError) -> None:
        tried = Tried(parser=self._chain()[self.state.parser_index], failure=Failure.of(error))
        log.warning(
            "task %s: parser %s did not answer: %s", self.request.task_id, tried.parser, error
        )
        if self.flight is not None:
            self.flight.release()
            self.flight = None
        self.state = self.state.but(
            parser_index=self.state.parser_index + 1,
            tried=(*self.state.tried, tried),
            ticket=None,
            needs_replay=False,
            parse_began_unix=None,
            joined_unix=None,
            step="",
            failures=0,
        )

    # -- answers ---------------------------------------------------------------------------------

    def _waiting(self, after_s: float, reason: str) -> Waiting:
        state = self.state.but(progress=self.teller.reached)
        return Waiting(state=state.to_json(), after_s=after_s, reason=reason)

    def _outcome(
        self, result: Result, *, cached: bool, stored: bool = True, put_ms: int | None = None
    ) -> Outcome:
        own = result.task_id == self.request.task_id
        return Outcome(
            replay=self.request.replay,
            task_id=self.request.task_id,
            hash=result.sha256,
            parser=self._shown(result.name.parser),
            parser_version=result.name.version,
            cached=cached and not own,
            output_path=result.name.key(self.line.storage.results_prefix) if stored else None,
            data=result.data,
            timings=self._timings(put_ms),
            replay_bytes=result.size_bytes,
            warnings=(*result.warnings, *self.warnings),
            tried=self.state.tried,
        )

    def failed(self, error: ParsekitError) -> Outcome:
        """The outcome of a task that ends with an error."""
        name = self._chain()[self.state.parser_index]
        known = name in self.line.parsers
        if self.state.step == "parse":
            self.state = self.state.but(parse_ms=self._parse_ms())
        return Outcome(
            replay=self.request.replay,
            task_id=self.request.task_id,
            hash=self.state.sha256,
            parser=self._shown(name),
            parser_version=self.line.parsers.entry(name).version if known else "",
            failure=Failure.of(error),
            timings=self._timings(None),
            replay_bytes=self.state.size_bytes,
            tried=self.state.tried,
        )

    def _shown(self, parser: str) -> str:
        return self.line.config.host.answer_as or parser

    def _timings(self, put_ms: int | None) -> Timings:
        total_s = self.line.clock.now() - self.state.started_unix
        return Timings(
            get_ms=self.state.get_ms,
            parse_ms=self.state.parse_ms,
            put_ms=put_ms,
            total_ms=max(0, round(total_s * 1000)),
        )

    # -- report ----------------------------------------------------------------------------------

    def end(self, outcome: Outcome) -> Outcome:
        """Tell the listeners, once a task however often it is delivered."""
        reports = self.line.reports
        if reports is None or not reports.told(self.request.task_id):
            self.teller.end(outcome)
            event = analytics_event(self.request, outcome, self.line.clock.now())
            self.line.listeners.analytics(event)
            if reports is not None:
                reports.mark(self.request.task_id)
        return outcome
