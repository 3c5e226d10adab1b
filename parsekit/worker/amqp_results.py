"""Results over RabbitMQ as celery-node reads them: a queue a task, named by its id without dashes.

Celery removed this backend in 5.0 and its ``rpc://`` never reaches celery-node. Callers in Python
that use ``rpc://`` get their copy too, on the queue that they name in ``reply_to``.
"""

from __future__ import annotations

import json
from typing import Any

from amqp import Message
from celery import states
from celery.backends.base import BaseBackend

from parsekit.worker.amqp_link import PERSISTENT, AmqpLink
from parsekit.worker.failure_facts import answer_faults_of_celery, with_facts, without_secrets
from parsekit.worker.result_text import meta_text
from parsekit.worker.service import service

#: celery-node declares the queue anew at every poll, with this and nothing else.
EXPIRES_MS = 86_400_000


class AmqpResults(BaseBackend):
    """Publishes final states only: celery-node takes one message a poll, whatever it says."""

    supports_autoexpire = True
    persistent = True

    def __init__(self, app: Any, url: str | None = None, **kwargs: Any) -> None:
        super().__init__(app, url=url, **kwargs)
        self.url = url
        at = service.addresses
        self._link = AmqpLink(url or at.backend, at.backend_tls)
        answer_faults_of_celery()

    def prepare_exception(self, exc: BaseException, serializer: str | None = None) -> Any:
        """Celery's three fields, and ours for callers that can't import our classes."""
        return with_facts(super().prepare_exception(exc, serializer), exc)

    def _store_result(
        self,
        task_id: str,
        result: Any,
        state: str,
        traceback: Any = None,
        request: Any = None,
        **_: Any,
    ) -> Any:
        if state not in states.READY_STATES:
            return result
        meta = {
            **self._get_result_meta(result, state, without_secrets(traceback), request),
            "task_id": task_id,
        }
        reply_to = getattr(request, "reply_to", None) or ""
        text = meta_text(meta, result, self.encode)
        self._link.use(lambda channel: _send(channel, task_id, reply_to, text))
        return result

    def _get_task_meta_for(self, task_id: str) -> dict[str, Any]:
        """Look without taking, so that the caller still finds it."""

        def look(channel: Any) -> bytes | None:
            queue = _declared(channel, task_id).queue
            message = channel.basic_get(queue, no_ack=False)
            if message is None:
                return None
            channel.basic_reject(message.delivery_tag, requeue=True)
            return _text(message)

        body = self._link.use(look)
        if body is None:
            return {"status": states.PENDING, "result": None}
        meta: dict[str, Any] = self.meta_from_decoded(json.loads(body))
        return meta

    def _forget(self, task_id: str) -> None:
        self._link.use(lambda channel: channel.queue_delete(task_id.replace("-", "")))

    def exception_safe_to_retry(self, exc: Exception) -> bool:
        """A broker that is away comes back; `AmqpLink` says so with `StorageUnavailable`."""
        return bool(getattr(exc, "retryable", False))


def _declared(channel: Any, task_id: str) -> Any:
    """The queue, and how many messages are in it: celery-node's look is not counted."""
    queue = task_id.replace("-", "")
    return channel.queue_declare(
        queue, durable=True, exclusive=False, auto_delete=True, arguments={"x-expires": EXPIRES_MS}
    )


def _send(channel: Any, task_id: str, reply_to: str, body: str) -> None:
    """Publish the end of a task, unless one stands there, which the caller may have read.

    A worker may be killed after it, and before it is noted; ``parsekit cancel`` and the worker that
    ran the task may both say that it was revoked.
    """
    queue, stands, _ = _declared(channel, task_id)
    if stands:
        found = channel.basic_get(queue, no_ack=False)
        if found is not None:
            _copy(channel, found, task_id, reply_to)
            return
    _publish(channel, queue, task_id, reply_to, body)
    if reply_to:
        _publish(channel, reply_to, task_id, reply_to, body)


def _copy(channel: Any, found: Any, task_id: str, reply_to: str) -> None:
    """Send the end that stands there to ``reply_to``, unless whoever published it has done so."""
    channel.basic_reject(found.delivery_tag, requeue=True)
    if reply_to and found.properties.get("reply_to") != reply_to:
        _publish(channel, reply_to, task_id, reply_to, _text(found))


def _publish(channel: Any, queue: str, task_id: str, reply_to: str, body: str | bytes) -> None:
    message = Message(
        body,
        content_type="application/json",
        content_encoding="utf-8",
        correlation_id=task_id,
        delivery_mode=PERSISTENT,
        **({"reply_to": reply_to} if reply_to else {}),
    )
    channel.basic_publish(message, "", queue)


def _text(message: Any) -> bytes:
    return bytes(message.body.encode() if isinstance(message.body, str) else message.body)
