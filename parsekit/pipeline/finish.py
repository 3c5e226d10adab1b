"""Publish one task: progress, its end, the audit, and the lines of the log."""

from __future__ import annotations

from collections.abc import Callable

from parsekit.clock import Clock
from parsekit.events import AuditEvent, WaitEvent
from parsekit.host.listeners import Listeners
from parsekit.logs.context import Facts, working_on
from parsekit.logs.steps import Step, log_step
from parsekit.model import Outcome, Request
from parsekit.pipeline.progress import ProgressReporter, analytics_event
from parsekit.pipeline.reports import Reports
from parsekit.pipeline.state import Waiting
from parsekit.records.audit_trail import AuditTrail, TaskStatus, addressees, audit_event


class Reporter:
    """What is published of a task. ``facts`` say how it stands; ``trail`` what it has touched."""

    def __init__(
        self,
        request: Request,
        listeners: Listeners,
        clock: Clock,
        *,
        reached: float,
        facts: Callable[[], Facts],
    ) -> None:
        self.progress = ProgressReporter(listeners, request, reached)
        self.trail = AuditTrail()
        self.facts = facts
        self._request = request
        self._listeners = listeners
        self._clock = clock

    def end(self, outcome: Outcome, reports: Reports | None) -> Outcome:
        """Publish the end, once a task however often it is delivered."""
        failure = outcome.failure
        with working_on(self.facts), Step("report") as step:
            step.outcome = failure.code if failure else "ok"
            step.known = {
                "hash": outcome.hash,
                "cached": outcome.cached,
                "total_ms": outcome.timings.total_ms,
                "error": failure.message if failure else None,
            }
            self._publish_end(
                outcome,
                TaskStatus(
                    result=step.outcome,
                    parser=outcome.parser,
                    parser_version=outcome.parser_version,
                    hash=outcome.hash,
                    cached=outcome.cached,
                    failure=failure,
                ),
                reports,
            )
        return outcome

    def waits(self, answer: Waiting, status: TaskStatus) -> None:
        """Publish that the task goes on later, and what it did so far."""
        log_step("wait", answer.reason, after_s=round(answer.after_s, 3))
        self._listeners.publish(
            WaitEvent(
                task_id=self._request.task_id,
                replay=self._request.shown,
                at_unix=self._clock.now(),
                after_s=answer.after_s,
                reason=answer.reason,
                queue=self._request.progress_queue,
            )
        )
        if self.trail:
            self.audit(status)

    def _publish_end(self, outcome: Outcome, status: TaskStatus, reports: Reports | None) -> None:
        """Publish all of it at once; an end that was reported before goes to the audit alone."""
        task_id = self._request.task_id
        if reports is not None and reports.was_reported(task_id):
            self.audit(status)
            return
        for addressee in addressees(self._request.progress_queue):
            self.trail.record("sent", addressee)
        self._listeners.deliver(
            self.progress.end(outcome),
            analytics_event(self._request, outcome, self._clock.now()),
            self._record(status),
        )
        if reports is not None:
            reports.mark_reported(task_id)

    def audit(self, status: TaskStatus) -> None:
        """Put on record what was done so far."""
        self._listeners.deliver(self._record(status))

    def _record(self, status: TaskStatus) -> AuditEvent:
        """What was done since the last time."""
        return audit_event(self._request, self.trail.drain(), status, self._clock.now())
