"""How an error looks in a stored result, for callers in any language."""

from __future__ import annotations

from typing import Any

from celery import signals, states
from celery.app.task import Context

from parsekit.errors import PluginFailed
from parsekit.redaction.secrets import cleaned, short
from parsekit.worker.messages.ends import error_of


def failure_facts(error: object) -> dict[str, Any]:
    """The published code, whether another try is worth it, and the text.

    celery-node copies these onto the Error that it throws, so ``message`` is what its users see.
    """
    known = error_of(error)
    if known is None:
        return {}
    return {"code": known.code, "retryable": known.retryable, "message": cleaned(known.message)}


def with_facts(given: Any, error: BaseException) -> Any:
    """What Celery stores of an error, and ours; of a fault of its own it wants the error itself.

    Only the arguments are free text: a class and its module are names that callers look up.
    """
    if not isinstance(given, dict):
        return given
    arguments = without_secrets(given.get("exc_message"))
    return {**given, "exc_message": arguments, **failure_facts(error)}


def answer_faults_of_celery() -> None:
    """Publish an error beside the task's run, such as a callback that can't be sent.

    Celery acknowledges the message and publishes nothing.
    """
    signals.task_internal_error.connect(_answer, weak=False, dispatch_uid="parsekit-answer")


def _answer(
    sender: Any, task_id: str, exception: Exception, request: dict[str, Any], **_: Any
) -> None:
    error = PluginFailed(short(f"beside the task: {type(exception).__name__}: {exception}", 500))
    context = Context(request)
    if not context.ignore_result:
        sender.backend.store_result(task_id, error, states.FAILURE, request=context)
    sender.after_return(states.FAILURE, None, task_id)


def without_secrets(given: Any) -> Any:
    """What Celery stores of an error, or of where it happened, as callers may read it."""
    if isinstance(given, str):
        return cleaned(given)
    if isinstance(given, dict):
        return {name: without_secrets(value) for name, value in given.items()}
    if isinstance(given, list | tuple):
        return [without_secrets(value) for value in given]
    return given
