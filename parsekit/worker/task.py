"""The task ``parseReplay``: reads the call, runs the pipeline, answers or waits.

Every decision about a replay is the pipeline's. What is decided here is what a *delivery* means:
a task may be delivered twice, or while it runs, or after it ended.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NoReturn

import redis
from amqp.exceptions import MessageNacked
from billiard.exceptions import TimeLimitExceeded
from celery import Task, states
from celery.exceptions import Ignore, Reject
from kombu.exceptions import OperationalError

from parsekit.errors import (
    BadRequest,
    ParsekitError,
    PluginFailed,
    PoisonReplay,
    StorageUnavailable,
)
from parsekit.events import FETCHING, PARSER_RANGE
from parsekit.logs.context import working_on
from parsekit.model import JsonObject, Outcome, Request
from parsekit.pipeline.pipeline import Waiting
from parsekit.redaction.secrets import short
from parsekit.worker.dead_letters import DeadLetter
from parsekit.worker.messages.ends import BROKEN, REVOKED, TIMEOUT, End, whose_limit
from parsekit.worker.messages.request import digest_of, refused, request_of
from parsekit.worker.messages.result_text import ReturnValue
from parsekit.worker.process import service
from parsekit.worker.redis.membership import sibling
from parsekit.worker.redis.task_store import Admission
from parsekit.worker.resume import carried_of, forward, is_bulk, resend, resume_later
from parsekit.worker.tracing import note_end, run_span

log = logging.getLogger(__name__)

#: How soon a delivery looks again when another one of the same task is being worked on, seconds.
BUSY_SECONDS = 2.0
#: A run can't begin or be booked now, as what all workers share is away.
_SHARED_STATE_AWAY = (
    *(redis.RedisError, StorageUnavailable, OperationalError, OSError),
    MessageNacked,  # by a queue that has no leader yet, as after a restart of RabbitMQ
)
#: Longer keys are cut where waiting tasks are shown, characters.
_SHOWN_REPLAY = 200
_CANCELLED = End.revoked("cancelled")


class ParseReplay(Task):
    """``parseReplay`` with keyword arguments ``replayObjectPath`` and ``progressQueue``."""

    name = "parseReplay"
    Strategy = "parsekit.worker.messages.validation:strategy"
    typing = False
    resultrepr_maxsize = 80  # a result is in the storage, not in the log
    throws = (ParsekitError, TimeLimitExceeded)  # expected: one line in the log, no traceback

    def run(self, *args: Any, **kwargs: Any) -> JsonObject:
        """Return result.schema.json; a failure is raised as the `ParsekitError` of its code."""
        with working_on(lambda: {"task_id": self.request.id}), run_span(self.request):
            try:
                outcome = self._process_delivery(args, kwargs)
            except _SHARED_STATE_AWAY as exc:
                resend(self, exc)
            except (Ignore, Reject, TimeLimitExceeded):
                raise
            except Exception as exc:
                log.exception("task %s: a fault of the worker's own", self.request.id)
                text = short(f"{type(exc).__name__}: {exc}", 500)
                error = PluginFailed(f"the worker failed: {text}")
                outcome = service.process.pipeline.refuse(self._refused(kwargs), error)
            note_end(outcome)
        service.process.numbers.count(outcome)
        if outcome.failure is not None:
            raise outcome.failure.to_error()
        return ReturnValue(outcome)

    def _process_delivery(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Outcome:
        """Run once. Raises `Ignore` where this delivery is not the one that ends the task.

        Raises `TimeLimitExceeded` for a task that Celery has ended for that.
        """
        process, state = service.process, carried_of(self).state
        end = End.of(self.request)
        if end is None and forward(self):
            raise Ignore
        unread = self.request.ignore_result or end is not None or state is not None
        admission = process.task_store.admit(
            self.request.id,
            digest_of(kwargs),
            started="" if unread else self.backend.started(self),
            killed=sibling(process.member_id, end.killed) if end and end.killed else "",
        )
        match admission:
            case Admission.BUSY:
                resume_later(self, state, time.time() + BUSY_SECONDS, replace_waiting=False)
            case Admission.FINISHED:
                self._release_after_cancel(kwargs)
            case Admission.OTHER_CALL:
                self._refuse_other_call(kwargs)
            case Admission.CANCELLED:
                self._end_without_run(_CANCELLED, kwargs)
            case Admission.REVOKED:
                self._end_without_run(end or End.revoked(REVOKED), kwargs)
            case _ if end is not None:
                self._end_without_run(end, kwargs, admission)
            case _:
                return self._run_pipeline(args, kwargs, admission)
        raise Ignore

    def _run_pipeline(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any], admission: Admission
    ) -> Outcome:
        task_id, process, carried = self.request.id, service.process, carried_of(self)
        own = (self.request.timelimit or (None, None))[1]
        soft_limit = whose_limit(own, "soft_time_limit", self.app.conf.task_soft_time_limit)
        with self._admitted(), process.running.run(task_id, soft_limit):
            pipeline, reserves = process.pipeline, service.addresses.reserves
            answer: Outcome | Waiting
            try:
                call = args, kwargs, self.request, carried
                request = request_of(*call, bulk=is_bulk(self), reserves=reserves)
            except BadRequest as error:
                answer = pipeline.refuse(self._refused(kwargs), error)
            else:
                known = self._known_progress(admission)
                answer = pipeline.run(request, carried.state, min_progress=known)
            # Of an end that was reported, the pipeline asked the task store a moment ago.
            unasked = isinstance(answer, Waiting) or process.reports.was_suppressed(task_id)
            if unasked and process.task_store.cancelled(task_id):
                state = answer.state if isinstance(answer, Waiting) else None
                self._end(_CANCELLED, kwargs, progress=PARSER_RANGE[1], state=state)
            if isinstance(answer, Waiting):
                self._wait(answer, kwargs)
            failure = answer.failure
            if failure is not None and failure.code == PoisonReplay.code:
                letter = DeadLetter(
                    task_id=task_id,
                    kwargs=dict(kwargs),
                    code=failure.code,
                    error=failure.message,
                    at_unix=time.time(),
                )
                process.dead_letters.put(letter)
            return answer

    @contextmanager
    def _admitted(self) -> Iterator[None]:
        """A run of ours, which is over where it does not end the task."""
        service.process.numbers.note_run(self.request.id)
        try:
            yield
        except (Ignore, *_SHARED_STATE_AWAY):
            service.process.task_store.release(self.request.id)
            raise

    def _refused(self, kwargs: Mapping[str, Any]) -> Request:
        """Stands for this call in what is published of it."""
        reserves = service.addresses.reserves
        return refused(kwargs, self.request, carried_of(self), reserves=reserves)

    def _known_progress(self, admission: Admission) -> float:
        """The progress that callers may know of, and this message does not, at most.

        The first message of a task may come again after the task has waited.
        """
        if admission is Admission.BEGUN:
            return FETCHING[0]
        old = admission is Admission.AGAIN and carried_of(self).state is None
        return PARSER_RANGE[1] if old or admission is Admission.CUT_SHORT else 0.0

    def _wait(self, answer: Waiting, kwargs: Mapping[str, Any]) -> NoReturn:
        # Stored first: the next run may end, elsewhere, before this one comes to store anything.
        if not self.request.ignore_result:
            self.update_state(state="WAITING", meta={"reason": answer.reason})
        resume_later(self, answer.state, time.time() + answer.after_s)
        replay = str(kwargs.get("replayObjectPath", ""))[:_SHOWN_REPLAY]
        service.process.numbers.note_wait(self.request.id, replay, answer.reason, answer.after_s)
        raise Ignore

    def _end_without_run(
        self, end: End, kwargs: Mapping[str, Any], before: Admission | None = None
    ) -> NoReturn:
        """End a task on which nobody works any more; ``before`` is how far its runs came.

        What another message of it, or a run that was killed, holds is found out where it parsed.
        """
        with self._admitted():
            before = before or service.process.task_store.before(self.request.id)
            state = carried_of(self).state
            progress = max(float((state or {}).get("progress", 0)), self._known_progress(before))
            parsed = before in (Admission.AGAIN, Admission.CUT_SHORT)
            self._end(end, kwargs, progress=progress, state=state, cut_short=parsed)

    def _end(
        self,
        end: End,
        kwargs: Mapping[str, Any],
        *,
        progress: float,
        state: Mapping[str, Any] | None,
        cut_short: bool = False,
    ) -> NoReturn:
        """End the task without a result: REVOKED, where it is that, and an Error at ``progress``.

        What it holds by its ``state``, or may hold as it was ``cut_short``, is released.
        """
        task_id, process, wanted = self.request.id, service.process, not self.request.ignore_result
        if end.reason not in (TIMEOUT, BROKEN):
            self.backend.mark_as_revoked(task_id, end.reason, self.request, wanted)
        request = self._refused(kwargs)
        with process.reports.reporting(task_id):
            process.numbers.count(process.pipeline.refuse(request, end.error, progress=progress))
        if state is not None or cut_short:
            process.pipeline.release(request, state, cut_short=cut_short)
        if end.reason == TIMEOUT:  # stored by Celery, as every failure
            raise TimeLimitExceeded(end.limit_s)
        if end.reason == BROKEN:  # stored last: a failure that is stored counts as reported
            self.backend.mark_as_failure(task_id, end.error, None, self.request, wanted)
        process.task_store.finish(task_id)
        raise Ignore

    def _refuse_other_call(self, kwargs: Mapping[str, Any]) -> None:
        """Refuse a call for another replay under a known id.

        Both callers look for their answer in one place, and neither may take the other's for its
        own. So from now on nobody reads one there; the first one's is still stored and published.
        """
        task_id, process, call = self.request.id, service.process, digest_of(kwargs)
        first = self.backend.get_task_meta(task_id, cache=False)["result"]
        path = first.get("outputPath") if isinstance(first, dict) else None
        kept = f"; the first one's result is stored as {path}" if path else ""
        error = BadRequest(
            f"task id {short(task_id, 100)!r} stands for a call for another replay{kept}; "
            "send each call under an id of its own"
        )
        if not self.request.ignore_result and not isinstance(first, BadRequest):
            self.backend.void(task_id, error, self.request)
        self.backend.mark_as_failure(task_id, error, request=self.request, store_result=False)
        request = replace(self._refused(kwargs), again=call[:8])
        with process.reports.reporting(task_id, f"reported {call}"):
            process.numbers.count(process.pipeline.refuse(request, error))

    def _release_after_cancel(self, kwargs: Mapping[str, Any]) -> None:
        """Release what this message holds, where another one of its task met the cancellation."""
        state = carried_of(self).state
        if state is not None and service.process.task_store.cancelled(self.request.id):
            service.process.pipeline.release(self._refused(kwargs), state)

    def after_return(self, status: str, retval: Any, task_id: str, *_: Any) -> None:
        """Remember the end; the result is stored by now, the message not yet acknowledged."""
        del retval
        if status not in states.READY_STATES:
            return
        task_store = service.process.task_store
        if self.request.ignore_result:
            task_store.finish(task_id)
        else:
            task_store.forget_run(task_id)
