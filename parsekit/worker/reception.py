"""Whether a delivery of ``parseReplay`` can be read at all, before a slot is taken for it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from celery.worker.strategy import default
from kombu.exceptions import ContentDisallowed, DecodeError

from parsekit.errors import BadRequest
from parsekit.worker.queues import takings

log = logging.getLogger(__name__)


def strategy(task: Any, app: Any, consumer: Any, **options: Any) -> Callable[..., Any]:
    """Celery's own strategy, after a check; named by ``Task.Strategy``.

    Celery drops a body that it can't decode, or that is no triple, with a line in the log, and its
    caller waits for ever.
    """
    handle = default(task, app, consumer, **options)

    def receive(message: Any, body: Any, ack: Any, reject: Any, *rest: Any, **more: Any) -> Any:
        try:
            if body is None:  # protocol 2; of protocol 1 Celery has decoded and checked the body
                _check(message.payload)
        except (DecodeError, ContentDisallowed, TypeError, ValueError, LookupError) as exc:
            text = f"the message can't be read: {exc}; send JSON as Celery's protocol 2 has it"
            task.backend.mark_as_failure(message.headers["id"], BadRequest(text))
            message.ack_log_error(log, consumer.connection_errors)
            return None
        takings.add((message.delivery_info or {}).get("routing_key") or "")
        return handle(message, body, ack, reject, *rest, **more)

    return receive


def _check(payload: Any) -> None:
    if isinstance(payload, dict):
        return  # protocol 1 under the headers of protocol 2, which Celery checks itself
    args, kwargs, embed = payload
    if not isinstance(args, list | tuple) or not isinstance(kwargs, dict):
        raise TypeError("its arguments are no list, or its keyword arguments no object")
    if not isinstance(embed, dict | None):
        raise TypeError("its third part is no object")
