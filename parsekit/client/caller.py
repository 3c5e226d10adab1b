"""The service as its own command line calls it: with Celery, as everybody does."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

import redis
from amqp.exceptions import AMQPError
from celery import states
from kombu import Queue
from kombu.exceptions import OperationalError

from parsekit.model import JsonObject
from parsekit.records.audit_trail import Operations, on_record
from parsekit.worker.celery_app import app
from parsekit.worker.dead_letters import DeadLetter
from parsekit.worker.embedded import server as embedded
from parsekit.worker.messages.signed_state import Carried, signed
from parsekit.worker.monitoring.queue_stats import is_queued
from parsekit.worker.process import service
from parsekit.worker.redis import keys
from parsekit.worker.redis.client import connect
from parsekit.worker.servers import broker, result_store, servers


def find() -> None:
    """Make sure that there is a service to look for.

    Raises `ConfigInvalid`, or `StorageUnavailable` for an embedded broker that does not answer.
    """
    if service.addresses.embedded:
        embedded.find(service.data_dir)


def reach() -> None:
    """Make sure that the service can be called. Raises `ConfigInvalid`, `StorageUnavailable`.

    Celery would try for ever, and say nothing.
    """
    find()
    for server in servers(service.addresses):
        server.greet()


@contextmanager
def audited(command: str, *, at_once: int = 1) -> Iterator[Operations]:
    """Let a command do things on record, ``at_once`` of them together. Raises `ConfigInvalid`.

    Its listeners get a session that is no worker's, so that they take over nothing of others.
    """
    session = replace(service.session, role="cli")
    with (
        on_record(service.host, session, command, at_once=at_once) as operations,
        _client_errors_translated(),
    ):
        yield operations


@contextmanager
def _client_errors_translated() -> Iterator[None]:
    """Translate what a server raises while it is used; it greeted us before."""
    try:
        yield
    except redis.RedisError as exc:  # of a client of ours; Celery's raises its own for the broker
        raise result_store(service.addresses).error(exc) from exc
    except (AMQPError, OperationalError) as exc:
        raise broker(service.addresses).error(exc) from exc


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelResult:
    """What became of the wish to cancel one task; ``words`` go on from its id."""

    task_id: str
    done: bool
    words: str


def cancel(task_id: str, audit: Operations) -> CancelResult:
    """End a task wherever it is; one that has ended stays as it is."""
    with audit.doing(task_id=task_id) as operation:
        cancelled = _cancelled(task_id)
        if cancelled.done:
            operation.trail.record("sent", "cancellation")
        else:
            operation.fault = f"the task {cancelled.words}"
    return cancelled


def _cancelled(task_id: str) -> CancelResult:
    known = _is_known(task_id)
    if known is False:
        words = "is not known: it neither waits nor runs, and did not end within the last day"
        return CancelResult(task_id=task_id, done=False, words=words)
    state = str(app.AsyncResult(task_id).state)
    if state in states.READY_STATES or not service.process.task_store.cancel(task_id):
        revoked = state == states.REVOKED
        words = "cancelled" if revoked else f"has ended: {state}"
        return CancelResult(task_id=task_id, done=revoked, words=words)
    app.backend.mark_as_revoked(task_id, "cancelled")
    words = "cancelled" if known else "cancelled, should it be queued: no worker has met it"
    return CancelResult(task_id=task_id, done=True, words=words)


def _is_known(task_id: str) -> bool | None:
    """Whether there is such a task; None where it might be in a queue that can't be looked into.

    A message goes from its list to the worker that takes it, and then there is a record: looked at
    in this order, it is found in one of the places.
    """
    at, here = service.addresses, connect(service.addresses.backend)
    queued = is_queued(connect(at.broker), at.all_queues, task_id) if at.redis_broker else None
    if queued or here.exists(keys.task(task_id), keys.result(task_id)):
        return True
    return queued


class TaskSender:
    """Sends ``parseReplay`` over one connection, for the length of a block.

    It sends what `Celery.send_task` would, which subscribes to the result of each task besides, and
    takes a third longer; our commands ask for results when they want to know.
    """

    def __init__(self, audit: Operations, *, bulk: bool = False) -> None:
        at = service.addresses
        self._queue = at.bulk_queue if bulk else at.queue
        self._audit = audit
        self._producer = app.producer_pool.acquire(block=True)
        self._declared = False

    def __enter__(self) -> TaskSender:
        return self

    def __exit__(self, *_: object) -> None:
        self._producer.release()

    def send(
        self, kwargs: JsonObject, task_id: str, headers: Mapping[str, str] | None = None
    ) -> None:
        """Send one, on record. Raises the errors of kombu and amqp."""
        name = "parseReplay"
        shown = {"argsrepr": "()", "kwargsrepr": repr(kwargs)}
        message = app.amqp.create_task_message(
            task_id, name, (), kwargs, reply_to=app.thread_oid, **shown
        )
        declare: list[Queue] | None = [] if self._declared else None  # None: the queue
        with self._audit.doing(task_id=task_id, replay=_replay_of(kwargs)) as operation:
            app.amqp.send_task_message(
                self._producer, name, message, queue=self._queue, headers=headers, declare=declare
            )
            operation.trail.record("sent", f"queue {self._queue}")
        self._declared = True


def retry(letter: DeadLetter, audit: Operations) -> None:
    """Send a dead letter once more, under its own id.

    Its end is published as another one: who counts each event once has the failure.
    """
    service.process.task_store.reset(letter.task_id)
    app.backend.forget(letter.task_id)
    again = Carried(again=uuid.uuid4().hex[:8])
    signer = service.process.carrying_signer
    headers = signed(again, letter.task_id, letter.kwargs, signer)
    with TaskSender(audit) as sender:
        sender.send(letter.kwargs, letter.task_id, headers)


def remove(task_id: str, audit: Operations) -> DeadLetter | None:
    """Remove and return the dead letter of this task, None when there is none."""
    with audit.doing(task_id=task_id) as operation:
        letter = service.process.dead_letters.remove(task_id)
        if letter is None:
            operation.fault = "is not among the dead letters"
        else:
            operation.replay = _replay_of(letter.kwargs)
            operation.trail.record("removed", "dead letter")
    return letter


def restore(letter: DeadLetter, audit: Operations) -> None:
    """Put back a dead letter that could not be sent."""
    with audit.doing(task_id=letter.task_id, replay=_replay_of(letter.kwargs)) as operation:
        service.process.dead_letters.put(letter)
        operation.trail.record("written", "dead letter")


def _replay_of(kwargs: JsonObject) -> str:
    return str(kwargs.get("replayObjectPath", ""))
