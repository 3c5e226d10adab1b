"""The task ``parseReplay``: reads the call, runs the pipeline, answers or waits.

Every decision about a replay is the pipeline's. What is decided here is what a *delivery* means:
a task may be delivered twice, or while it runs, or after it ended.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
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
from parsekit.model import Failure, JsonObject, Outcome, Request
from parsekit.pipeline.pipeline import Waiting
from parsekit.redaction.secrets import short
from parsekit.worker.dead_letters import DeadLetter
from parsekit.worker.messages.ends import BROKEN, REVOKED, TIMEOUT, End, whose_limit
from parsekit.worker.messages.request import digest_of, refused, request_of
from parsekit.worker.messages.result_text import ReturnValue
from parsekit.worker.process import service
from parsekit.worker.redis.membership import sibling
from parsekit.worker.redis.task_store import Admission
from parsekit.worker.resume import (
    carried_of,
    due_unix,
    has_time_to_live,
    is_bulk,
    resume_later,
    resume_without_time_to_live,
)
from parsekit.worker.tracing import note_end, run_span

log = logging.getLogger(__name__)

#: How soon a delivery looks again when another one of the same task is being worked on, seconds.
BUSY_SECONDS = 2.0
#: A run can't begin or be booked now, as what all workers share is away.
_SHARED_STATE_AWAY = (
    *(redis.RedisError, StorageUnavailable, OperationalError, OSError),
    MessageNacked,  # by a queue that has no leader yet, as after a restart of RabbitMQ
)
#: How soon a task tries again then, seconds; and how long it keeps its slot where it can't wait.
AWAY_SECONDS = 3.0
_MOMENT_SECONDS = 1.0
#: Longer keys are cut where waiting tasks are shown, characters.
_SHOWN_REPLAY = 200
_CANCELLED = End.revoked("cancelled")
#: What the ledger says of a task that is not to run.
_ENDS = {Admission.CANCELLED: _CANCELLED, Admission.REVOKED: End.revoked(REVOKED)}
#: A hop that ends this much before its time is near enough.
_EARLY_SECONDS = 0.5


class ParseReplay(Task):
    """``parseReplay`` with keyword arguments ``replayObjectPath`` and ``progressQueue``."""

    name = "parseReplay"
    Strategy = "parsekit.worker.messages.validation:strategy"
    typing = False
    resultrepr_maxsize = 80  # a result is in the storage, not in the log
    throws = (ParsekitError, TimeLimitExceeded)  # expected: one line in the log, no traceback

    def run(self, *args: Any, **kwargs: Any) -> JsonObject:
        """Answer result.schema.json; a failure is raised as the `ParsekitError` of its code."""
        telling = working_on(lambda: {"task_id": self.request.id})
        with telling, run_span(self.request):
            try:
                outcome = self._deliver(args, kwargs)
            except _SHARED_STATE_AWAY as exc:
                self._put_off(exc)
            except (Ignore, Reject, TimeLimitExceeded):
                raise
            except Exception as exc:
                log.exception("task %s: a fault of the worker's own", self.request.id)
                outcome = self._broken(kwargs, exc)
            note_end(outcome)
        service.process.numbers.count(outcome)
        if outcome.failure is not None:
            raise outcome.failure.to_error()
        return ReturnValue(outcome)

    def _put_off(self, exc: Exception) -> NoReturn:
        """Try again soon, as if this delivery had not been.

        RabbitMQ counts how often a message goes back to a quorum queue, and drops it after the
        twentieth time. So a new message waits there, and this one is acknowledged once that is
        confirmed. A message over Redis goes back, a moment later, so that it does not spin.
        """
        log.warning("task %s tries again soon: %s", self.request.id, exc)
        if not service.addresses.redis_broker:
            try:
                until = max(due_unix(self), time.time() + AWAY_SECONDS)
                resume_later(self, carried_of(self).state, until)
            except Exception as second:  # noqa: BLE001  (the message must not be lost over it)
                log.warning("task %s goes back to its queue: %s", self.request.id, second)
            else:
                raise Ignore from exc
        time.sleep(_MOMENT_SECONDS)
        raise Reject(exc, requeue=True) from exc

    def _deliver(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Outcome:
        """Run once. Raises `Ignore` where this delivery is not the one that ends the task.

        Raises `TimeLimitExceeded` for a task that Celery has ended for that.
        """
        task_id, process = self.request.id, service.process
        end = End.of(self.request)
        if end is None:
            self._hop_on()
        admission = process.task_store.admit(
            task_id,
            digest_of(kwargs),
            started=self._started(end),
            killed=sibling(process.member_id, end.killed) if end and end.killed else "",
        )
        if admission is Admission.BUSY:
            resume_later(
                self, carried_of(self).state, time.time() + BUSY_SECONDS, replace_waiting=False
            )
            raise Ignore
        if admission is Admission.FINISHED:
            self._let_go(kwargs)
            raise Ignore
        if admission is Admission.OTHER_CALL:
            self._refuse_other_call(kwargs)
        end = _ENDS.get(admission, end)
        process.numbers.note_run(task_id)
        try:
            if end is not None:
                before = admission if admission.may_run else process.task_store.before(task_id)
                self._end_cut_short(end, kwargs, before)
            with process.running.run(task_id, self._soft_limit()):
                return self._ended(self._go(args, kwargs, self._told(admission)), kwargs)
        except (Ignore, *_SHARED_STATE_AWAY):
            process.task_store.release(task_id)
            raise

    def _refused(self, kwargs: Mapping[str, Any]) -> Request:
        """Stands for this call in what is told of it."""
        reserves = service.addresses.reserves
        return refused(kwargs, self.request, carried_of(self), reserves=reserves)

    def _soft_limit(self) -> str:
        """The limit at which Celery has this run end, in words."""
        own = (self.request.timelimit or (None, None))[1]
        return whose_limit(own, "soft_time_limit", self.app.conf.task_soft_time_limit)

    def _told(self, admission: Admission) -> float:
        """The progress that callers may know of, and this message does not: no parser tells more.

        The first message of a task may come again after the task has waited.
        """
        if admission is Admission.BEGUN:
            return FETCHING[0]
        old = admission is Admission.AGAIN and carried_of(self).state is None
        return PARSER_RANGE[1] if old or admission is Admission.CUT_SHORT else 0.0

    def _hop_on(self) -> None:
        """Send a task that still waits on its next hop; one that was cancelled waits no more."""
        if has_time_to_live(self):
            resume_without_time_to_live(self)
            raise Ignore
        until = due_unix(self)
        if until <= time.time() + _EARLY_SECONDS:
            return
        if service.process.task_store.cancelled(self.request.id):
            return
        carried = carried_of(self)
        resume_later(self, carried.state, until, replace_waiting=carried.until_unix > 0)
        raise Ignore

    def _go(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any], min_progress: float
    ) -> Outcome | Waiting:
        pipeline = service.process.pipeline
        try:
            request = request_of(
                *(args, kwargs, self.request, carried_of(self)),
                bulk=is_bulk(self),
                reserves=service.addresses.reserves,
            )
        except BadRequest as error:
            return pipeline.refuse(self._refused(kwargs), error)
        return pipeline.run(request, carried_of(self).state, min_progress=min_progress)

    def _started(self, end: End | None) -> str:
        """What callers are to read as soon as the first run begins; those that read it."""
        silent = self.request.ignore_result or end is not None or carried_of(self).state is not None
        return "" if silent else str(self.backend.started(self))

    def _ended(self, answer: Outcome | Waiting, kwargs: Mapping[str, Any]) -> Outcome:
        if self._was_cancelled(answer):
            ended = self._tell(_CANCELLED, kwargs, PARSER_RANGE[1])
            if isinstance(answer, Waiting):
                service.process.pipeline.release(ended, answer.state)
            self._finish(_CANCELLED)
        if isinstance(answer, Waiting):
            # Said first: the next run may end, elsewhere, before this one comes to say anything.
            if not self.request.ignore_result:
                self.update_state(state="WAITING", meta={"reason": answer.reason})
            resume_later(self, answer.state, time.time() + answer.after_s)
            replay = str(kwargs.get("replayObjectPath", ""))[:_SHOWN_REPLAY]
            service.process.numbers.note_wait(
                self.request.id, replay, answer.reason, answer.after_s
            )
            raise Ignore
        if answer.failure is not None and answer.failure.code == PoisonReplay.code:
            self._dead_letter(kwargs, answer.failure)
        return answer

    def _was_cancelled(self, answer: Outcome | Waiting) -> bool:
        """Of an end that was told, the pipeline asked the ledger a moment ago."""
        task_id, process = self.request.id, service.process
        if isinstance(answer, Outcome) and not process.reports.was_suppressed(task_id):
            return False
        return process.task_store.cancelled(task_id)

    def _end_cut_short(self, end: End, kwargs: Mapping[str, Any], before: Admission) -> NoReturn:
        """End a task on which nobody works any more; ``before`` is how far its runs came.

        What another message of it, or a run that was killed, holds is found out where it parsed.
        """
        state = carried_of(self).state
        reached = max(float((state or {}).get("progress", 0)), self._told(before))
        request = self._tell(end, kwargs, reached)
        parsed = before in (Admission.AGAIN, Admission.CUT_SHORT)
        if state is not None or parsed:
            service.process.pipeline.release(request, state, cut_short=parsed)
        self._finish(end)

    def _tell(self, end: End, kwargs: Mapping[str, Any], reached: float) -> Request:
        """Let the caller see REVOKED, where it is that, and its progress queue one Error."""
        task_id, process = self.request.id, service.process
        if end.reason not in (TIMEOUT, BROKEN):
            wanted = not self.request.ignore_result
            self.backend.mark_as_revoked(task_id, end.reason, self.request, wanted)
        request = self._refused(kwargs)
        with process.reports.reporting(task_id):
            process.numbers.count(process.pipeline.refuse(request, end.error, progress=reached))
        return request

    def _finish(self, end: End) -> NoReturn:
        """Remember the end; Celery stores that of a time limit, as of every failure."""
        if end.reason == TIMEOUT:
            raise TimeLimitExceeded(end.limit_s)
        if end.reason == BROKEN:  # stored last: a failure that is stored counts as told
            wanted = not self.request.ignore_result
            self.backend.mark_as_failure(self.request.id, end.error, None, self.request, wanted)
        service.process.task_store.finish(self.request.id)
        raise Ignore

    def _refuse_other_call(self, kwargs: Mapping[str, Any]) -> NoReturn:
        """Refuse a call for another replay under a known id.

        Both callers look for their answer in one place, and neither may take the other's for its
        own. So from now on nobody reads one there; the first one's is still stored, and told.
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
        raise Ignore

    def _let_go(self, kwargs: Mapping[str, Any]) -> None:
        """Free what this message holds, where another one of its task met the cancellation."""
        task_id, state = self.request.id, carried_of(self).state
        if state is not None and service.process.task_store.cancelled(task_id):
            service.process.pipeline.release(self._refused(kwargs), state)

    def _broken(self, kwargs: Mapping[str, Any], exc: Exception) -> Outcome:
        """End a task with which the worker can't cope, so that its caller hears of it."""
        text = short(f"{type(exc).__name__}: {exc}", 500)
        request = self._refused(kwargs)
        return service.process.pipeline.refuse(request, PluginFailed(f"the worker failed: {text}"))

    def _dead_letter(self, kwargs: Mapping[str, Any], failure: Failure) -> None:
        letter = DeadLetter(
            task_id=self.request.id,
            kwargs=dict(kwargs),
            code=failure.code,
            error=failure.message,
            at_unix=time.time(),
        )
        service.process.dead_letters.put(letter)

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
