"""The life of one replay, from request to outcome: `STEPS`, in order, are all of it."""

from __future__ import annotations

import logging

from parsekit.errors import ParsekitError, ParserCrashed, PluginFailed
from parsekit.logs.context import working_on
from parsekit.model import Outcome
from parsekit.pipeline.lookup import identify, lookup
from parsekit.pipeline.parse import parse
from parsekit.pipeline.policy import Fail, NextParser, Retry, decide
from parsekit.pipeline.single_flight import acquire_lock, settle_lock
from parsekit.pipeline.state import Waiting
from parsekit.pipeline.store import offer_to_shadow, store, store_pending
from parsekit.pipeline.task import Task
from parsekit.redaction.secrets import cleaned, short

log = logging.getLogger("parsekit.pipeline")

#: Each returns None to go on with the next, an Outcome that ends the task, or Waiting: back to the
#: driver, which calls again with its state. The cache is looked up once more under the lock, as
#: another task may have stored the result before it released the lock.
STEPS = (identify, store_pending, lookup, acquire_lock, lookup, parse, store)
#: How soon a replay is parsed again whose parser ended its process, seconds.
CRASHED_AFTER_S = 1.0


def advance(task: Task) -> Outcome | Waiting:
    """Take a task as far as it can go now, and leave nothing behind in this process."""
    with task.cleanup, working_on(task.log_fields):
        try:
            answer = _run_steps(task)
        except BaseException:  # Ctrl-C, a limit: another task may want this replay meanwhile
            task.lock.release()
            raise
        settle_lock(task, answer)
        task.crashes.reset()
        if isinstance(answer, Outcome):
            task.publish_end(answer)
            offer_to_shadow(task, answer)
        else:
            task.reporter.waits(answer, task.status("waiting"))
    return answer


def _run_steps(task: Task) -> Outcome | Waiting:
    """The steps, from the first one again for each further parser of the chain."""
    while True:
        try:
            task.entry  # noqa: B018  (raises `ConfigInvalid` for a parser that nobody has)
            return next(answer for step in STEPS if (answer := step(task)) is not None)
        except ParsekitError as error:
            answer = _handle_error(error, task)
        except Exception as exc:
            log.exception("task %s: unexpected exception from a plugin", task.request.task_id)
            text = short(f"{type(exc).__name__}: {exc}", 500)
            answer = _handle_error(PluginFailed(f"{task.state.step or 'start'}: {text}"), task)
        if answer is not None:
            return answer


def _handle_error(error: ParsekitError, task: Task) -> Outcome | Waiting | None:
    """Wait and try again, end, or return None to go on with the next parser.

    A parser that ended its process is tried again up to `CrashGuard`'s limit; the policy decides
    about every other error.
    """
    services = task.services
    error = services.interruption(task.request.task_id) or error
    if isinstance(error, ParserCrashed) and task.crashes.counted:
        if task.crashes.keep_for_retry():
            return task.wait(CRASHED_AFTER_S, cleaned(error.message))
        if not task.has_next_parser:
            return task.failed(task.crashes.poison(error.message))
    state = task.state.with_failure()
    failures, policy = state.storage_failures, services.storage_retry
    if state.step == "parse":
        failures, policy = state.parse_failures, services.parsers.policy(task.parser)
    match decide(error, failures=failures, policy=policy, another_parser=task.has_next_parser):
        case Retry(after_s):
            task.state = state
            return task.wait(after_s, cleaned(error.message))
        case NextParser():
            log.warning("task %s: %s did not answer: %s", task.request.task_id, task.parser, error)
            task.use_next_parser(error)
            return None
        case Fail():
            return task.failed(error)
