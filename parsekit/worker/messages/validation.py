"""Whether a delivery can be read at all, before a slot is taken for it.

One that can't goes on as a call that is refused (`parsekit.worker.messages.request.REFUSED`): so
its caller gets the failure on whatever way results take, its progress queue one Error, and the
task store knows of it, as with every other task. What names no task to answer is dropped, with
a line in the log.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from celery.exceptions import InvalidTaskError
from celery.worker.strategy import default
from kombu.exceptions import ContentDisallowed, DecodeError
from kombu.message import Message

from parsekit.errors import BadRequest
from parsekit.redaction.secrets import short
from parsekit.worker.messages.ends import END_HEADER
from parsekit.worker.messages.message_checks import (
    MAX_BODY_BYTES,
    check_destinations,
    check_header_size,
    check_headers,
    check_payload,
    check_size,
    is_task_id,
    limits_within_bounds,
)
from parsekit.worker.messages.request import REFUSED
from parsekit.worker.messages.signed_state import CARRIED_HEADER
from parsekit.worker.messages.task_request import requests_of
from parsekit.worker.monitoring.queue_stats import dequeued
from parsekit.worker.process import service
from parsekit.worker.task import ParseReplay

log = logging.getLogger(__name__)

#: What a message can cause. Not `RuntimeError`, which a pool that ends raises for good ones.
_UNREADABLE = (
    *(InvalidTaskError, DecodeError, ContentDisallowed, BadRequest, RecursionError),
    *(TypeError, ValueError, LookupError, AttributeError, ArithmeticError),
)
#: A longer body is not read even for the queue to which the refusal is published.
_MAX_LOOKED_INTO = 16 * MAX_BODY_BYTES
#: What a refused call keeps of its arguments, and how much of each, characters.
_KEPT, _KEPT_CHARACTERS = ("replayObjectPath", "progressQueue"), 300


def strategy(task: Any, app: Any, consumer: Any, **options: Any) -> Callable[..., Any]:
    """Celery's own strategy, after a check; named by ``Task.Strategy``.

    Celery drops a body that it can't decode, or that is no triple, with a line in the log, and its
    caller waits for ever.
    """
    task.Request = requests_of(consumer)
    handle = default(task, app, consumer, **options)
    consumed = app.amqp.queues.consume_from
    _guard(consumer)

    def receive(message: Any, body: Any, ack: Any, reject: Any, *rest: Any, **more: Any) -> Any:
        queue = (message.delivery_info or {}).get("routing_key") or ""
        if queue in consumed:  # over Redis it is what the caller says
            dequeued.add(queue)
        try:
            _check(message, body)
            return handle(message, body, ack, reject, *rest, **more)
        except _UNREADABLE as exc:
            return handle(_refused(message, body, exc), None, ack, reject, *rest, **more)

    return receive


def _unknown(message: Any, facts: Mapping[str, Any]) -> BadRequest:
    """Say in the log, and to its caller, whose task it was: a queue has no other than parseReplay.

    Mostly it is a callback: Celery sends one that names no queue to the default queue of whoever
    ran the task, so that it comes here.
    """
    name, task_id = (short(str(facts.get(fact)), 100) for fact in ("task", "id"))
    queue = short(str((message.delivery_info or {}).get("routing_key")), 100)
    parent = message.headers.get("parent_id")
    whose = short(f"callback of task {parent}", 100) if parent else "task"
    cure = "name a queue: link=….set(queue=…)" if parent else "send that, or name another queue"
    reason = f"{name!r}: queue {queue} runs {ParseReplay.name} alone; {cure}"
    log.warning("refused %s (%s) %s", whose, task_id, reason)
    return BadRequest(f"there is no task {reason}")


def _check(message: Any, body: Any) -> None:
    """``body`` is that of protocol 1, which Celery has decoded; None for protocol 2."""
    check_size(message.body)
    check_header_size({n: v for n, v in message.headers.items() if n != CARRIED_HEADER})
    payload = message.payload if body is None else body
    facts = message.headers if body is None else body
    # a body of protocol 1 says, behind headers of protocol 2, what these leave out
    check_headers({**payload, **facts} if isinstance(payload, dict) else facts)
    facts["timelimit"] = limits_within_bounds(facts.get("timelimit"))
    for each in (message.headers, body or {}):
        each.pop(END_HEADER, None)  # ours to say
    check_payload(payload)
    if body is None and isinstance(payload, dict) and "args" not in payload:
        # Celery takes it for a triple, and fails where nobody acknowledges the message
        raise TypeError("its body is an object without args")
    for embed in (message.headers, payload if isinstance(payload, dict) else payload[2]):
        check_destinations(embed, service.addresses.is_internal)


def _guard(consumer: Any) -> None:
    """Let no message end this worker that Celery stumbles over before, or instead of, a strategy.

    Called before the consumer makes its handler, each time that it has connected.
    """
    make = type(consumer).create_task_handler

    def create_task_handler() -> Callable[[Any], None]:
        handle = make(consumer)

        def on_message(message: Any) -> None:
            try:
                handle(message)
            except _UNREADABLE as exc:
                _drop(message, exc, consumer)

        return on_message

    def on_decode_error(message: Any, exc: Exception) -> None:
        try:
            create_task_handler()(_refused(message, None, exc))
        except _UNREADABLE:
            _drop(message, exc, consumer)

    def on_unknown_task(_body: Any, message: Any, _exc: Exception) -> None:
        """Celery would answer with an error of its own, which has no code."""
        body = None if "task" in message.headers else message.payload
        error = _unknown(message, message.headers if body is None else body)
        create_task_handler()(_refused(message, body, error))

    consumer.create_task_handler = create_task_handler
    consumer.on_unknown_task = on_unknown_task
    consumer.on_decode_error = on_decode_error


def _drop(message: Any, exc: Exception, consumer: Any) -> None:
    said = short(f"{type(exc).__name__}: {exc}", 300)
    log.error("dropped a message that can't be read and names no task to answer: %s", said)
    if not message.acknowledged:
        message.ack_log_error(log, consumer.connection_errors)


def _refused(message: Any, body: Any, exc: Exception) -> Message:
    """A call under the same id that says why it is refused. Raises `TypeError` where none can."""
    facts = message.headers if body is None else body
    if not is_task_id(facts.get("id")) or not isinstance(facts.get("task"), str):
        raise TypeError(f"{exc}") from exc
    kwargs = {REFUSED: _reason(exc), **_named(message, body)}
    headers = {"id": facts["id"], "task": ParseReplay.name}
    headers |= {n: facts[n] for n in ("lang", "origin") if isinstance(facts.get(n), str)}
    return Message(
        body=json.dumps([[], kwargs, None]).encode(),
        headers=headers,
        content_type="application/json",
        content_encoding="utf-8",
        delivery_tag=message.delivery_tag,
        delivery_info=message.delivery_info,
        properties=message.properties,
        accept=message.accept,
        channel=message.channel,
    )


def _reason(exc: Exception) -> str:
    if isinstance(exc, BadRequest):
        return exc.message
    return short(f"the message can't be read: {exc}; send JSON as Celery's protocol 2 has it", 500)


def _named(message: Any, body: Any) -> Mapping[str, str]:
    """Who is to be answered, and about what, as far as that can be read."""
    try:
        if len(message.body) > _MAX_LOOKED_INTO:
            return {}
        payload = message.payload if body is None else body
        kwargs = payload["kwargs"] if isinstance(payload, dict) else payload[1]
        found = {name: kwargs.get(name) for name in _KEPT}
        return {n: v[:_KEPT_CHARACTERS] for n, v in found.items() if isinstance(v, str)}
    except _UNREADABLE:
        return {}
