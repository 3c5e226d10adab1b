"""The service as its own command line calls it: with Celery, as everybody does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from celery import states

from parsekit.errors import ConfigInvalid
from parsekit.model import JsonObject
from parsekit.worker.celery_app import app
from parsekit.worker.dead_letters import DeadLetter
from parsekit.worker.embedded import answers
from parsekit.worker.service import service


def reach() -> None:
    """Make sure that there is a service to call. Raises `ConfigInvalid`."""
    if service.addresses.embedded and not answers(service.data_dir):
        raise ConfigInvalid(
            "no broker is configured and no embedded one runs; "
            "start `parsekit worker --embedded`, or set celery.broker"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """What became of the wish to cancel one task."""

    task_id: str
    done: bool
    state: str


def cancel(task_id: str) -> Cancelled:
    """End a task wherever it is; one that has ended stays as it is."""
    state = str(app.AsyncResult(task_id).state)
    if state in states.READY_STATES or not service.process.ledger.cancel(task_id):
        return Cancelled(task_id=task_id, done=state == states.REVOKED, state=state)
    app.backend.mark_as_revoked(task_id, "cancelled")
    return Cancelled(task_id=task_id, done=True, state=states.REVOKED)


def send(kwargs: JsonObject, task_id: str, *, bulk: bool = False) -> Any:
    """Send ``parseReplay``; the answer is Celery's AsyncResult."""
    queue = service.addresses.bulk_queue if bulk else service.addresses.queue
    return app.send_task("parseReplay", kwargs=kwargs, task_id=task_id, queue=queue)


def retry(letter: DeadLetter) -> None:
    """Send a request that was put aside once more, under its own id."""
    service.process.ledger.reset(letter.task_id)
    app.backend.forget(letter.task_id)
    send(letter.kwargs, letter.task_id)
