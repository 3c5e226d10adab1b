"""The road of one replay, from request to outcome: look up, fetch, check, parse, store, report.

`Road.advance` is one run of one task, as far as it comes now. Read `_road` first.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from itertools import groupby
from typing import TYPE_CHECKING, Any, TypeVar

from parsekit import events
from parsekit.errors import (
    BadRequest,
    Cancelled,
    ParsekitError,
    ParserCrashed,
    PluginFailed,
    StorageDenied,
    StorageUnavailable,
)
from parsekit.logs.context import working_on
from parsekit.logs.steps import Step
from parsekit.model import Failure, Job, NotReady, Outcome, Parsed, Replay, Request, Tried
from parsekit.parsers.runner import json_of
from parsekit.pipeline.attempts import Tries
from parsekit.pipeline.finish import Reporter, facts_of
from parsekit.pipeline.locks import HeldLock
from parsekit.pipeline.outcome import OutcomeBuilder
from parsekit.pipeline.policy import NextParser, Retry, decide
from parsekit.pipeline.state import RunState, Waiting
from parsekit.providers import ParserEntry
from parsekit.records.audit_trail import AuditedStorage, TaskStatus
from parsekit.redaction.secrets import cleaned, short
from parsekit.retry import bounded_wait_s
from parsekit.shadow.runner import Fresh
from parsekit.storage.fetch import Fetched, fetch
from parsekit.storage.results import CacheLookup, Result, ResultName, ResultStore
from parsekit.storage.sources import Source, open_source
from parsekit.storage.tickets import Kept, Tickets
from parsekit.storage.workspace import workspace

if TYPE_CHECKING:
    from parsekit.pipeline.pipeline import Pipeline

T = TypeVar("T")
log = logging.getLogger("parsekit.pipeline")

#: How soon a task looks again for the result that another task is making, seconds.
JOINED_AFTER_S = 1.0
#: How soon a replay is parsed again whose parser ended its process, seconds.
CRASHED_AFTER_S = 1.0
#: How long a waiting task keeps its lock beyond the time at which it is to go on, seconds.
LOCK_MARGIN_S = 30.0


class Road:
    """One run of one task. ``state`` is what it knows: replaced as it learns, never changed."""

    def __init__(self, pipeline: Pipeline, request: Request, state: RunState) -> None:
        self.line = pipeline
        self.request = request
        self.state = state
        self.reporter = Reporter(
            request,
            pipeline.listeners,
            pipeline.clock,
            reached=state.progress,
            facts=lambda: facts_of(request, self.state, self._parser()),
        )
        self.teller = self.reporter.teller
        self.storage = AuditedStorage(pipeline.storage, self.reporter.trail)
        self.results = ResultStore(self.storage, pipeline.signer)
        self.tickets = Tickets(self.storage, pipeline.signer)
        host = pipeline.config.host
        # A parser may stand in the chain twice, so that it can be the last resort as well.
        asked = (request.parser or host.parser, *host.fallback)
        self.chain = tuple(name for name, _ in groupby(asked))
        if state.parser_index >= len(self.chain):
            raise BadRequest(
                f"the task waits for parser {state.parser_index + 1}, which is not there"
            )
        # What a message says of the content holds for what is there now, and no longer.
        self.looked = request.place != "storage" or state.fingerprint is None
        self.no_cache = host.disable_cache or request.disable_cache
        self.lock = HeldLock(pipeline.locks, request.task_id)
        self.replay: Replay | None = None
        self.damaged_result = False
        self.tries = Tries(pipeline.attempts, request)
        self.made: Result | None = None
        self.stack = ExitStack()

    def advance(self) -> Outcome | Waiting:
        """Run until the task ends or waits, and leave nothing behind in this process."""
        with self.stack, working_on(self.reporter.facts):
            try:
                answer = self._answer()
            except BaseException:  # Ctrl-C, a limit: another task may want this replay meanwhile
                self.lock.release()
                raise
            self._leave_flight(answer)
            self.tries.forget()
            if isinstance(answer, Outcome):
                self.report(answer)
                self._offer_to_shadow(answer)
            else:
                self.reporter.waits(answer, self._standing("waiting"))
        return answer

    def _answer(self) -> Outcome | Waiting:
        while True:
            try:
                return self._road()
            except ParsekitError as error:
                answer = self._after(error)
            except Exception as exc:
                log.exception("task %s: a plugin broke its promise", self.request.task_id)
                text = short(f"{type(exc).__name__}: {exc}", 500)
                answer = self._after(PluginFailed(f"{self.state.step or 'start'}: {text}"))
            if answer is not None:
                return answer

    def _road(self) -> Outcome | Waiting:
        """Look up, fetch, check, parse, store."""
        entry = self.line.parsers.entry(self._parser())
        self._look()
        name = self._name(entry)
        if self.state.parsed is not None:
            if self.results.decode(self.state.parsed, name) is not None:
                return self._store(name, self.state.parsed)
            self.state = self.state.but(parsed=None)  # from before the key
        # Who waits for a remote parser has looked: each visit to that costs one read, not two.
        if self.state.ticket is None and (cached := self._look_up(name)) is not None:
            return cached
        if not self.lock.take(name.lock):
            return self._join()
        if (made_meanwhile := self._look_up(name)) is not None:
            return made_meanwhile
        answer = self._parse(entry, name)
        if isinstance(answer, NotReady):
            return self._wait_for_parser(name, answer)
        return self._store(name, self._document(entry, name, answer))

    # look up

    def _look(self) -> None:
        """Find out what content this is, without fetching it where the source can tell."""
        if self.state.fingerprint is not None and self.looked:
            return
        self._enter("look")
        with Step("look", logging.DEBUG):
            content = self._source().look(self.line.config.limits.replay_bytes)
        if self.request.place == "local":  # a storage notes for itself; of a URL only size is asked
            act = "read" if content.fingerprint is not None else "looked_at"
            self.reporter.trail.record(act, self.request.replay)
        self.looked = True
        known, now = self.state.fingerprint, content.fingerprint
        if known is not None and now is not None and known != now:
            log.warning("task %s: %s was replaced", self.request.task_id, self.request.replay)
            self.lock.release()
            self.state = self.state.for_other_content()
        self.state = self.state.but(size_bytes=content.size_bytes)
        if self.state.fingerprint is None:
            self.state = self.state.but(fingerprint=now or self._fetched().sha256)

    def _source(self) -> Source:
        return open_source(self.request, self.storage)

    def _name(self, entry: ParserEntry) -> ResultName:
        fingerprint = self.state.fingerprint or ""
        return ResultName(fingerprint=fingerprint, parser=entry.name, version=entry.version)

    def _known_name(self) -> ResultName | None:
        """The name of the result that the task works on, as far as it knows."""
        if self.state.fingerprint is None or self._parser() not in self.line.parsers:
            return None
        return self._name(self.line.parsers.entry(self._parser()))

    def _look_up(self, name: ResultName) -> Outcome | None:
        """The stored result, when there is one that this task may have."""
        with Step("look up", logging.DEBUG if self.lock.taken else logging.INFO) as step:
            looked = self._kept(lambda: self.results.find(name), CacheLookup())
            self.damaged_result = looked.damaged
            mine = looked.result is not None and self._may_have(looked.result)
            step.outcome = "hit" if mine else "miss"
        if looked.result is None or not mine:
            return None
        if self.state.ticket is not None:  # a run of this task was cut short once it had stored
            self._kept(lambda: self.tickets.drop(name), None)
        return self._ending().with_result(
            looked.result, output_path=self.results.path(name), found=True
        )

    def _kept(self, read: Callable[[], T], otherwise: T) -> T:
        """Read what an earlier run stored; for a person, a storage that is away has nothing."""
        try:
            return read()
        except (StorageUnavailable, StorageDenied) as error:
            if self.line.must_store:
                raise
            log.warning("stored results can't be looked up: %s", error)
            return otherwise

    def _may_have(self, result: Result) -> bool:
        """Without the cache a task still takes its own result, or one that it waited for."""
        joined = self.state.joined_unix
        waited_for = joined is not None and result.stored_unix >= joined
        return not self.no_cache or waited_for or result.task_id == self.request.task_id

    # single flight

    def _join(self) -> Waiting:
        joined = self.state.joined_unix or self.line.clock.now()
        self.state = self.state.but(joined_unix=joined)
        return self._waiting(JOINED_AFTER_S, "another task parses this replay")

    def _leave_flight(self, answer: Outcome | Waiting) -> None:
        if isinstance(answer, Waiting):
            self.lock.hold(answer.after_s + LOCK_MARGIN_S)
            return
        name, state = self._known_name(), self.state
        alone = state.storage_failures and not state.joined_unix
        if name is not None and (state.parse_began_unix is not None or alone):
            self.lock.take(name.lock)  # an earlier run may have left it to this task
        self.lock.release()

    def recall(self) -> None:
        """Learn what a run that was cut short worked on, as far as that takes no fetching."""
        if self.state.fingerprint is None:
            content = self._source().look(self.line.config.limits.replay_bytes)
            self.state = self.state.but(fingerprint=content.fingerprint)
        name = self._known_name()
        if self.state.ticket is None and name is not None:
            self._find_ticket(name)

    def let_go(self) -> None:
        """Free what the task holds while it waits, its ticket before its lock."""
        name = self._known_name()
        if name is not None and self.lock.take(name.lock):
            self._end_ticket(Cancelled("cancelled"))
            self.lock.release()

    # fetch and check

    def _fetched(self) -> Replay:
        """The replay as a checked file of our own, once a run."""
        if self.replay is None:
            self._enter("fetch")
            self.teller.step(events.FETCHING)
            if self.request.place == "local":
                self.reporter.trail.record("read", self.request.replay)
            fetched = fetch(
                self._source(),
                self.request.replay,
                self.stack.enter_context(workspace()),
                max_bytes=self.line.config.limits.replay_bytes,
                clock=self.line.clock,
            )
            replay = fetched.replay
            self._refuse_change(fetched)
            self.state = self.state.but(
                get_ms=fetched.get_ms, sha256=replay.sha256, size_bytes=replay.size_bytes
            )
            self.replay = replay
        return self.replay

    def _refuse_change(self, fetched: Fetched) -> None:
        """What was looked up and what was fetched must be the same content."""
        if not fetched.is_of(self.state.fingerprint):
            self.state = self.state.but(fingerprint=None, joined_unix=None)
            raise StorageUnavailable(f"{self.request.replay}: changed while it was read")

    # parse

    def _parse(self, entry: ParserEntry, name: ResultName) -> Parsed | NotReady:
        self.tries.begin()
        if entry.runs == "remote" and self.state.ticket is None:
            self._find_ticket(name)
        resuming = self.state.ticket is not None and not self.state.needs_replay
        resuming = resuming and entry.runs == "remote"
        replay = None if resuming else self._fetched()
        self._enter("parse")
        if self.state.parse_began_unix is None:
            self.state = self.state.but(parse_began_unix=self.line.clock.now())
        with Step("parse") as step:
            answer = self._asked(entry, replay, self._job(name))
            self._stop_if_interrupted()
            if isinstance(answer, NotReady):
                step.outcome = "not ready"
        return answer

    def _asked(self, entry: ParserEntry, replay: Replay | None, job: Job) -> Parsed | NotReady:
        if replay is None:
            return self.line.parsers.resume(entry, job)
        if entry.runs == "remote":
            self.reporter.trail.record("sent", f"parser {entry.name}")
        return self.line.parsers.parse(entry, replay, job)

    def _end_ticket(self, error: ParsekitError) -> None:
        name = self._known_name()
        if self.state.ticket is not None and name is not None:
            self.tickets.end(name, error)

    def _find_ticket(self, name: ResultName) -> None:
        kept = self._kept(lambda: self.tickets.find(name), None)
        if kept is None:
            return
        self.teller.reached = max(self.teller.reached, kept.progress)
        self.state = self.state.but(**kept.for_state())

    def _job(self, name: ResultName) -> Job:
        return Job(
            task_id=self.request.task_id,
            ticket=self.state.ticket,
            bulk=self.request.bulk,
            has_fallback=self._another_parser(),
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
        except ParsekitError as error:  # the task's state holds it as well
            log.warning("task %s: ticket not kept: %s", self.request.task_id, error)
        self.reporter.goes_on(self._standing("running"))

    def _wait_for_parser(self, name: ResultName, answer: NotReady) -> Waiting:
        if not answer.needs_replay and dict(answer.ticket) != self.state.ticket:
            self._keep_ticket(name, answer.ticket)
        self.state = self.state.but(
            ticket=dict(answer.ticket), needs_replay=answer.needs_replay, parse_failures=0
        )
        reason = cleaned(answer.reason) or "the parser is not ready"
        return self._waiting(answer.after_s, reason)

    def _parse_ms(self) -> int:
        """From the first call of the parser until now, with all waiting."""
        now = self.line.clock.now()
        return max(0, round((now - (self.state.parse_began_unix or now)) * 1000))

    # store

    def _document(self, entry: ParserEntry, name: ResultName, parsed: Parsed) -> bytes:
        result = Result(
            name=name,
            sha256=self.state.sha256,
            size_bytes=self.state.size_bytes,
            task_id=self.request.task_id,
            stored_unix=self.line.clock.now(),
            data=json_of(parsed, name.parser),
            warnings=parsed.warnings,
            tried=self.state.tried,
            maker=self.line.parsers.maker(entry),
        )
        body = self.results.encode(result)
        self.state = self.state.but(parsed=body, parse_ms=self._parse_ms())
        return body

    def _store(self, name: ResultName, body: bytes) -> Outcome:
        self._enter("store")
        made = self.results.decode(body, name)
        if made is None:
            raise PluginFailed("a result that was just made can't be read back")
        self.made = made
        began = self.line.clock.ticks()
        try:
            with Step("store"):
                stored = self.results.put(body, made, replace=self.no_cache or self.damaged_result)
                if self.state.ticket is not None:
                    self.tickets.drop(name)
        except (StorageUnavailable, StorageDenied) as error:
            if self.line.must_store:
                raise
            warning = f"the result is not stored: {cleaned(error.message)}"
            return self._ending(warning).with_result(made, output_path=None, found=False)
        return self._ending().with_result(
            stored,
            output_path=self.results.path(name),
            found=False,
            put_ms=self.line.clock.ms_since(began),
        )

    def _offer_to_shadow(self, outcome: Outcome) -> None:
        """Hand a fresh result over, with the folder that its replay is in."""
        if self.line.shadow is None or self.made is None or not outcome.ok:
            return
        fresh = Fresh(
            request=self.request,
            result=self.made,
            replay=self.replay,
            keeping=self.stack.pop_all(),
            use_stored=not self.no_cache,
        )
        self.line.shadow.offer(fresh)

    # errors

    def _enter(self, step: str) -> None:
        """Begin a step. The storage is well when a parse begins, so its failures are forgotten."""
        self._stop_if_interrupted()
        self.state = self.state.but(step=step)
        if step == "parse":
            self.state = self.state.but(storage_failures=0)

    def _stop_if_interrupted(self) -> None:
        error = self.line.interruption(self.request.task_id)
        if error is not None:
            raise error

    def _after(self, error: ParsekitError) -> Outcome | Waiting | None:
        """Wait, end, or answer None to go on with the next parser."""
        error = self.line.interruption(self.request.task_id) or error
        if isinstance(error, ParserCrashed) and self.tries.counted:
            if self.tries.again():
                return self._waiting(CRASHED_AFTER_S, cleaned(error.message))
            if not self._another_parser():
                return self.failed(self.tries.poison(error.message))
        state = self.state.with_failure()
        failures, policy = state.storage_failures, self.line.storage_retry
        if state.step == "parse":
            failures, policy = state.parse_failures, self.line.parsers.policy(self._parser())
        another = self._another_parser()
        verdict = decide(error, failures=failures, policy=policy, another_parser=another)
        if isinstance(verdict, Retry):
            self.state = state
            return self._waiting(verdict.after_s, cleaned(error.message))
        if isinstance(verdict, NextParser):
            self._next_parser(error)
            return None
        return self.failed(error)

    def _another_parser(self) -> bool:
        """Whether one is left; it is of no use against what happens before or after the parse."""
        of_the_parser = self.state.step in ("", "parse")
        return of_the_parser and self.state.parser_index + 1 < len(self.chain)

    def _next_parser(self, error: ParsekitError) -> None:
        tried = Tried(parser=self._parser(), failure=Failure.of(error))
        log.warning("task %s: %s did not answer: %s", self.request.task_id, tried.parser, error)
        self._end_ticket(error)
        self.lock.release()
        self.tries.forget()
        self.state = self.state.for_next_parser(tried)

    # answers

    def _waiting(self, after_s: float, reason: str) -> Waiting:
        state = self.state.but(progress=self.teller.reached)
        return Waiting(state=state.to_json(), after_s=bounded_wait_s(after_s), reason=reason)

    def failed(self, error: ParsekitError) -> Outcome:
        """The outcome of a task that ends with an error."""
        if self.state.step == "parse":
            self.state = self.state.but(parse_ms=self._parse_ms())
        self._end_ticket(error)
        name = self._parser()
        known = name in self.line.parsers
        version = self.line.parsers.entry(name).version if known else ""
        return self._ending().with_error(error, parser=name, version=version)

    def _ending(self, *warnings: str) -> OutcomeBuilder:
        return OutcomeBuilder(
            request=self.request,
            state=self.state,
            clock=self.line.clock,
            answer_as=self.line.config.host.answer_as,
            warnings=warnings,
        )

    def report(self, outcome: Outcome) -> Outcome:
        """Tell the listeners how the task ended."""
        return self.reporter.end(outcome, self.line.reports)

    def _standing(self, result: str) -> TaskStatus:
        """How a task stands that has not ended."""
        return TaskStatus(result=result, parser=self._parser(), hash=self.state.sha256)

    def _parser(self) -> str:
        """The parser whose turn it is."""
        return self.chain[self.state.parser_index]
