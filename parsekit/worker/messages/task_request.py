"""A task in Celery's main process, which may end it: expired, revoked, beyond a limit, broken.

Celery would store the state there, acknowledge the message, and publish nothing of it. That
process can't: it opens no plugin, as the children that it forks later would share what it
opened. So the message stays un-acknowledged, and one more run of the task publishes how it ended,
stores the state that Celery gives it, and frees what it held. Where a worker dies before that, the
next one that gets the message decides anew.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from billiard.einfo import ExceptionInfo, ExceptionWithTraceback
from billiard.exceptions import Terminated, TimeLimitExceeded, WorkerLostError
from celery import signals
from celery.exceptions import Ignore, Reject, Retry
from celery.worker import state
from celery.worker.request import Request

from parsekit.errors import PluginFailed
from parsekit.redaction.secrets import short
from parsekit.worker.messages.ends import (
    BROKEN,
    END_HEADER,
    TERMINATED,
    TIMEOUT,
    End,
    whose_limit,
)
from parsekit.worker.process import service

log = logging.getLogger(__name__)

#: What the run may take that ends a task, seconds; storage and listeners have limits of their own.
_LAST_RUN_SECONDS = 300.0


class TaskRequest(Request):
    """Made by `requests_of`."""

    #: Hands it to the pool once there is a slot.
    process: Callable[[TaskRequest], object]
    worker_pid: int | None
    _end: End | None = None

    @property
    def eta(self) -> None:
        """Nothing: Celery would hold the message, and RabbitMQ give its slot to no other.

        The run itself puts the task off (`parsekit.worker.resume.due_unix`).
        """
        return

    def revoked(self) -> bool:
        """Return False, as a run is needed in any case; what Celery finds is noted for it."""
        if self._end is None:
            super().revoked()
        return False

    def terminate(self, pool: Any, signal: Any = None) -> None:
        """Kill the process that runs it; a thread can't be killed, so the run is asked to end."""
        try:
            super().terminate(pool, signal)
        except NotImplementedError:
            service.process.task_store.cancel(self.id)

    def on_failure(
        self, exc_info: Any, send_failed_event: bool = True, return_ok: bool = False
    ) -> None:
        """End with one more run what was cut short; ``return_ok``: the task itself raised it."""
        error = exc_info.exception
        if isinstance(error, ExceptionWithTraceback):
            error = error.exc
        if isinstance(error, Terminated) and not self._already_cancelled:
            self._announce_revoked(TERMINATED, True, str(error), False)
            self._run_to_its_end()
        elif isinstance(error, TimeLimitExceeded) and not return_ok:
            self._announce_timeout(error.args[0])
            self._run_to_its_end()
        elif not return_ok and not self._is_for_celery(error):
            text = short(f"{type(error).__name__}: {error}", 500)
            log.error("task %s: a fault around its run: %s", self.id, text, exc_info=error)
            fault = PluginFailed(f"the worker failed: {text}")
            if self._end is None:
                self._note(End(reason=BROKEN, message=fault.message))
                self._run_to_its_end()
            else:  # that run failed as well: its caller is told at least
                exc_info.exception = fault
                super().on_failure(exc_info, send_failed_event)
        else:
            super().on_failure(exc_info, send_failed_event, return_ok)

    def _is_for_celery(self, error: BaseException) -> bool:
        """Whether Celery knows what to do, as with a process that is gone: its message goes back.

        A thread that ends leaves its process alone, and would only do the same again.
        """
        if isinstance(error, SystemExit | KeyboardInterrupt):
            return self.worker_pid != os.getpid()
        return isinstance(error, WorkerLostError | Ignore | Reject | Retry)

    def on_timeout(self, soft: bool, timeout: float) -> None:
        """Log a soft limit, which the run notices itself; a hard one came as a failure before."""
        if soft:
            super().on_timeout(soft, timeout)

    def _announce_revoked(self, reason: str, terminated: bool, signum: Any, expired: bool) -> None:
        """Note it. Called again for a process that was signalled to end, once it has ended."""
        if self._end is None:
            facts = {"terminated": terminated, "signum": signum, "expired": expired}
            self.send_event("task-revoked", **facts)
            signals.task_revoked.send(sender=self.task, request=self._context, **facts)
            self._note(End.revoked(reason))

    def _announce_timeout(self, limit_s: float) -> None:
        limit = whose_limit(self.time_limits[0], "time_limit", limit_s)
        log.warning("task %s took longer than %s: its process is ended", self.id, limit)
        if self._end is None:
            message = f"took longer than {limit} and was ended"
            self._note(End(reason=TIMEOUT, message=message, limit_s=limit_s))

    def _note(self, end: End) -> None:
        """Have the next run be the last, at once, and with time for it."""
        self._end = end
        self._request_dict[END_HEADER] = asdict(end)
        self.time_limits = (_LAST_RUN_SECONDS, _LAST_RUN_SECONDS)

    def _run_to_its_end(self) -> None:
        if self._end is not None:
            self._note(replace(self._end, killed=self.worker_pid or 0))
        state.task_ready(self)
        self.time_start = self.worker_pid = self._terminate_on_ack = None
        state.task_reserved(self)
        self.process(self)


def requests_of(consumer: Any) -> type[TaskRequest]:
    """The class of the requests of this consumer."""

    class Bound(TaskRequest):
        process = staticmethod(consumer.on_task_request)

    return Bound


def report_faults(pool: Any) -> None:
    """Have a pool of threads report what is raised around a run, as one of processes does.

    Celery's keeps it to itself: nobody acknowledges the message, and its slot is lost.
    """
    on_apply = pool.on_apply

    def apply(
        target: Callable[..., Any],
        args: Any,
        kwargs: Any,
        *,
        callback: Callable[[Any], object],
        accept_callback: Callable[[int, float], object],
        error_callback: Callable[[ExceptionInfo], object],
        **options: Any,
    ) -> Any:
        def run() -> None:
            try:
                accept_callback(os.getpid(), time.monotonic())
                callback(target(*args, **kwargs))
            except BaseException:  # noqa: BLE001  (told to its caller)
                error_callback(ExceptionInfo())

        return on_apply(run, (), {}, callback=lambda _: None, **options)

    pool.on_apply = apply
