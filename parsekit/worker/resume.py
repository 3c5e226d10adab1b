"""A task that waits goes back to the broker under its own id, and holds nothing meanwhile."""

from __future__ import annotations

import logging
import math
import random
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NoReturn

import redis
from amqp.exceptions import PreconditionFailed
from celery import Task
from celery.exceptions import Ignore, Reject
from kombu import Queue

from parsekit.worker.celery_settings import MAX_HOP_SECONDS, MAX_REST_SECONDS, own_queue
from parsekit.worker.messages.delay_headers import DELAY_HEADER, REPLACE_HEADER
from parsekit.worker.messages.request import caller_of
from parsekit.worker.messages.signed_state import Carried, carried_by, signed
from parsekit.worker.process import service
from parsekit.worker.tracing import trace_headers

log = logging.getLogger(__name__)

#: Where a request keeps what was read of its message.
_READ = "_parsekit_carried_read"
#: Waits up to so many seconds are rounded up to steps of so many.
_STEPS = ((2.0, 0.25), (5.0, 0.5), (20.0, 1.0), (math.inf, 5.0))
#: Where the queue of a wait can't be used, the task waits so much longer in another, seconds.
_LONGER_S = (0.0, 0.5, 1.0, 5.0, 10.0)
#: A queue for waits that nobody declared for so long is removed; its messages left it before.
_UNUSED_MS = 600_000

#: How soon a task tries again when what workers share is away, seconds; and how long it keeps its
#: slot where it can't wait elsewhere.
AWAY_SECONDS = 3.0
_MOMENT_SECONDS = 1.0
#: A hop that ends this much before its time is near enough.
_EARLY_SECONDS = 0.5

#: Tasks that were sent together shall not come back together.
_SPREAD = 1.1
#: A task that wants to go on at once still lets others pass.
_MIN_SECONDS = 0.05


def carried_of(task: Task) -> Carried:
    """What the message of this delivery carries from the one before it; it is read once."""
    request = task.request
    if not isinstance(carried := getattr(request, _READ, None), Carried):
        carried = carried_by(request, request.kwargs or {}, service.process.carrying_signer)
        setattr(request, _READ, carried)
    return carried


def due_unix(task: Task) -> float:
    """When it goes on, or is to begin as its caller says (``eta``); 0 for at once."""
    return max(carried_of(task).until_unix, _unix_of(task.request.eta, never=0.0))


def is_bulk(task: Task) -> bool:
    """Whether it came through a queue of back-fills, which it then does to its end."""
    delivery = task.request.delivery_info or {}
    return delivery.get("routing_key") in service.addresses.bulk_queues


def resume_later(
    task: Task, state: Mapping[str, Any] | None, until_unix: float, *, replace_waiting: bool = True
) -> None:
    """Send the same task once more, to be delivered at that time, or one hop nearer to it.

    One that expires before is delivered when it has expired, and its end is published then. Celery
    would give its message a time to live too, after which RabbitMQ drops it without a word.

    Raises what the broker's client raises; the task was not sent then.
    """
    expires_unix = _unix_of(task.request.expires, never=math.inf)
    longest_s = MAX_REST_SECONDS if service.addresses.redis_broker else MAX_HOP_SECONDS
    seconds = hop_seconds(min(until_unix, expires_unix) - time.time(), longest_s)
    headers = _headers(task, state, until_unix)
    target = _poll_queue(task)
    if service.addresses.redis_broker:
        headers |= {DELAY_HEADER: seconds, REPLACE_HEADER: replace_waiting}
        return _send_to_rest(task, target, headers)
    for longer_s in _LONGER_S:
        queue = delay_queue(target, seconds + longer_s)
        try:
            return _send_through(task, queue, own_queue(target), headers=headers)
        except PreconditionFailed as exc:
            refusal = exc
            log.warning("somebody has made queue %s with other arguments: %s", queue.name, exc)
    raise refusal


def forward(task: Task) -> bool:
    """Send a task that still waits on its next hop, unless it was called off; False for all others.

    One that RabbitMQ would drop, where it lies in a queue now or once more, is sent without its
    time to live. Raises as `resume_later`.
    """
    carried, until_unix = carried_of(task), due_unix(task)
    if not service.addresses.redis_broker and "expiration" in task.request.properties:
        headers = _headers(task, carried.state, until_unix)
        _send_through(task, own_queue(_poll_queue(task)), headers=headers)
        return True
    if until_unix <= time.time() + _EARLY_SECONDS:
        return False
    if service.process.task_store.called_off(task.request.id):
        return False
    resume_later(task, carried.state, until_unix, replace_waiting=carried.until_unix > 0)
    return True


def resend(task: Task, exc: Exception) -> NoReturn:
    """Have the task delivered again soon, as if this delivery had not been.

    RabbitMQ counts how often a message goes back to a quorum queue, and drops it after the
    twentieth time. So a new message waits there, and this one is acknowledged once that is
    confirmed. A message over Redis goes back, a moment later, so that it does not spin.
    """
    log.warning("task %s tries again soon: %s", task.request.id, exc)
    if not service.addresses.redis_broker:
        try:
            until_unix = max(due_unix(task), time.time() + AWAY_SECONDS)
            resume_later(task, carried_of(task).state, until_unix)
        except Exception as second:  # noqa: BLE001  (the message must not be lost over it)
            log.warning("task %s goes back to its queue: %s", task.request.id, second)
        else:
            raise Ignore from exc
    time.sleep(_MOMENT_SECONDS)
    raise Reject(exc, requeue=True) from exc


def _headers(task: Task, state: Mapping[str, Any] | None, until_unix: float) -> dict[str, Any]:
    carried = carried_of(task)
    return {
        **(task.request.headers or {}),
        **trace_headers(task.request),
        "expires": task.request.expires,
        **signed(
            replace(
                carried,
                state=dict(state) if state is not None else None,
                until_unix=until_unix,
                caller=carried.caller or caller_of(task.request),
            ),
            task.request.id,
            task.request.kwargs or {},
            service.process.carrying_signer,
        ),
    }


def _poll_queue(task: Task) -> str:
    at = service.addresses
    return at.bulk_poll_queue if is_bulk(task) else at.poll_queue


def _unix_of(text: Any, *, never: float) -> float:
    """A moment of Celery's as seconds since 1970; ``never`` where there is none."""
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return never
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def hop_seconds(after_s: float, longest_s: float = MAX_HOP_SECONDS) -> float:
    """How long the next hop takes of a task that goes on in ``after_s``."""
    spread = random.uniform(1.0, _SPREAD)  # noqa: S311  (no secret)
    hop_s = min(longest_s / _SPREAD, max(_MIN_SECONDS, after_s))
    hop_s += min(MAX_HOP_SECONDS / _SPREAD, hop_s) * (spread - 1)
    return min(longest_s, hop_s)  # a product of floats may be more by a hair


def _send_to_rest(task: Task, queue: str, headers: dict[str, Any]) -> None:
    """Send it, and look once more: who called it off a moment before found it in no set."""
    _send(task, queue, headers)
    try:
        service.process.task_store.hasten_if_called_off(task.request.id)
    except redis.RedisError as exc:  # it was sent, and must not be sent again
        log.warning("task %s may rest though it was called off: %s", task.request.id, exc)


def _send_through(task: Task, queue: Queue, *targets: Queue, headers: dict[str, Any]) -> None:
    """Declare the queues, and send; on a new connection where the broker has cut the one we had.

    The queue that it goes on to as well: no worker need consume from it yet, and RabbitMQ drops
    what expires with no queue to go to.
    """
    with task.app.amqp.producer_pool.acquire(block=True) as producer:

        def declare_and_send() -> None:
            for needed in (*targets, queue):
                needed(producer.channel).declare()
            _send(task, queue, headers, producer=producer)

        policy = task.app.conf.task_publish_retry_policy
        producer.connection.ensure(producer, declare_and_send, **policy)()


def _send(task: Task, queue: str | Queue, headers: dict[str, Any], **options: Any) -> None:
    once_more = task.signature_from_request(
        queue=queue, headers=headers, countdown=None, expires=None
    )
    once_more.apply_async(**options)


def delay_queue(target: str, seconds: float) -> Queue:
    """A queue that hands each message on to ``target`` after at least this long.

    All messages of a queue wait equally long, so none stands in another's way: the waits are
    rounded up, to steps between a quarter of a second and five. Nothing consumes from it, so
    nothing is un-acknowledged and no consumer timeout applies.
    """
    step = next(step for limit, step in _STEPS if seconds <= limit)
    wait_ms = math.ceil(seconds / step) * round(step * 1000)
    return own_queue(
        f"{target}-in-{wait_ms}-ms",
        **{
            "x-message-ttl": wait_ms,
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": target,
            "x-expires": _UNUSED_MS,
        },
    )
