"""The ledger in RabbitMQ: a queue a task, which holds one message and vanishes by itself."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable
from typing import Any

from amqp import Message
from amqp.exceptions import NotFound, PreconditionFailed

from parsekit.worker.amqp_link import PERSISTENT, AmqpLink
from parsekit.worker.amqp_locks import AmqpLocks
from parsekit.worker.ledger import KEPT_SECONDS, Standing

_PREFIX = "parsekit.task."
_CANCEL_PREFIX = "parsekit.cancel."
_FINISHED, _ATTEMPTS, _SURVIVED = "finished", "attempts", "survived"
_ONE = {"x-max-length": 1}

Facts = dict[str, Any]


class AmqpLedger:
    """What is known of tasks, in a deployment without Redis."""

    def __init__(self, link: AmqpLink, locks: AmqpLocks) -> None:
        self._link = link
        self._locks = locks
        self._runs: dict[tuple[str, int], int] = {}

    def enter(self, task_id: str, started: str = "") -> Standing:
        """Begin a run; results over RabbitMQ tell only of the end."""
        del started
        token = self._locks.acquire(f"run:{task_id}")
        if not token:
            return Standing.BUSY
        standing = self._standing(task_id)
        if standing.may_run:
            self._runs[task_id, threading.get_ident()] = token
        else:
            self._locks.release(f"run:{task_id}", token)
        return standing

    def _standing(self, task_id: str) -> Standing:
        facts = self._read(task_id)
        if facts.get(_FINISHED):
            return Standing.FINISHED
        if self.cancelled(task_id):
            return Standing.CANCELLED
        if facts.get(_ATTEMPTS):
            return Standing.CUT_SHORT
        return Standing.AGAIN if facts.get(_SURVIVED) else Standing.GO

    def leave(self, task_id: str) -> None:
        """End our run."""
        token = self._runs.pop((task_id, threading.get_ident()), 0)
        if token:
            self._locks.release(f"run:{task_id}", token)

    def finish(self, task_id: str) -> None:
        """Remember that the final result is stored, and end our run."""
        self._change(task_id, lambda facts: {**facts, _FINISHED: True})
        self.leave(task_id)

    def finished(self, task_id: str) -> None:
        """Book the end here: no result store does it for us."""
        self.finish(task_id)

    def cancel(self, task_id: str) -> bool:
        """Let no further run begin; False when it had finished."""
        if self._read(task_id).get(_FINISHED):
            return False
        with contextlib.suppress(PreconditionFailed):  # marked before, by an older version
            self._link.use(lambda channel: _declare(channel, _CANCEL_PREFIX + task_id))
        return True

    def cancelled(self, task_id: str) -> bool:
        """Whether somebody asked for its end: a mark of its own, which no run overwrites."""
        try:
            name = _CANCEL_PREFIX + task_id
            self._link.use(lambda channel: channel.queue_declare(name, passive=True))
        except NotFound:
            return False
        return True

    def reset(self, task_id: str) -> None:
        """Forget all about the task."""
        self._link.use(lambda channel: channel.queue_delete(_PREFIX + task_id))
        self._link.use(lambda channel: channel.queue_delete(_CANCEL_PREFIX + task_id))

    def begin(self, task_id: str) -> int:
        """Count one more attempt."""
        facts = self._change(task_id, _one_more_attempt)
        return int(facts[_ATTEMPTS])

    def clear(self, task_id: str) -> None:
        """Forget the attempts; nothing is written where there are none."""
        self._change(task_id, _no_attempts)

    def told(self, task_id: str) -> bool:
        """Whether the end of this task was told before."""
        return bool(self._read(task_id).get("told"))

    def told_or_cancelled(self, task_id: str) -> bool:
        """Either of the two."""
        return self.told(task_id) or self.cancelled(task_id)

    def mark(self, task_id: str) -> None:
        """Remember that the end of this task was told."""
        self._change(task_id, lambda facts: {**facts, "told": True})

    def _read(self, task_id: str) -> Facts:
        return self._change(task_id, lambda facts: facts)

    def _change(self, task_id: str, change: Callable[[Facts], Facts]) -> Facts:
        """Take the message out, and put what ``change`` makes of it in; never none in between.

        The new one pushes the old one out of a queue of length 1; a process that is killed in
        between leaves the old one to be delivered again.
        """
        queue = _PREFIX + task_id

        def declare_and_work(channel: Any) -> Facts:
            _declare(channel, queue, **_ONE)
            return work(channel)

        def work(channel: Any) -> Facts:
            message = channel.basic_get(queue, no_ack=False)
            facts = json.loads(message.body) if message else {}
            new = change(facts)
            if new == facts:
                if message:
                    channel.basic_reject(message.delivery_tag, requeue=True)
                return facts
            channel.basic_publish(Message(json.dumps(new), delivery_mode=PERSISTENT), "", queue)
            if message:
                channel.basic_ack(message.delivery_tag)
            return new

        try:
            return self._link.use(declare_and_work)
        except PreconditionFailed:  # it is there, made by an older version with other arguments
            return self._link.use(work)


def _declare(channel: Any, queue: str, **arguments: int) -> None:
    """A classic queue, whatever the vhost's default: a quorum of replicas is much for one task.

    And a quorum queue counts how often the message is looked at, and drops it after the twentieth
    time (RabbitMQ's ``delivery-limit``).
    """
    given = {"x-expires": KEPT_SECONDS * 1000, "x-queue-type": "classic", **arguments}
    channel.queue_declare(queue, durable=True, auto_delete=False, arguments=given)


def _one_more_attempt(facts: Facts) -> Facts:
    return {**facts, _ATTEMPTS: facts.get(_ATTEMPTS, 0) + 1}


def _no_attempts(facts: Facts) -> Facts:
    if _ATTEMPTS not in facts:
        return facts
    return {n: value for n, value in facts.items() if n != _ATTEMPTS} | {_SURVIVED: True}
