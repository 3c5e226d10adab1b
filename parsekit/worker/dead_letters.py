"""Requests that were put aside, for somebody to look at, retry or drop."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, Protocol

import redis
from amqp import Message
from pydantic import TypeAdapter

from parsekit.model import JsonObject
from parsekit.worker import keys
from parsekit.worker.amqp_link import PERSISTENT, AmqpLink

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One request as its caller sent it, and why it was put aside. ``at_unix`` is when."""

    task_id: str
    kwargs: JsonObject
    code: str
    error: str
    at_unix: float

    def to_text(self) -> str:
        """JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str | bytes) -> DeadLetter:
        """Read what `to_text` wrote; what a newer version wrote beside it is passed over.

        Raises ValueError or RecursionError for anything else.
        """
        return _form().validate_python(json.loads(text))


@cache
def _form() -> TypeAdapter[DeadLetter]:
    """Made once: it takes a millisecond, and most processes read no letter."""
    return TypeAdapter(DeadLetter)


def _readable(text: str | bytes, place: str) -> DeadLetter | None:
    """The letter, or None for what is none: that hides no other, and is nobody's to drop unread."""
    try:
        return DeadLetter.from_text(text)
    except (ValueError, RecursionError):
        log.warning("a dead letter can't be read and stays where it is; look into %s", place)
        return None


class DeadLetters(Protocol):
    """Kept in the broker until somebody drops them."""

    def put(self, letter: DeadLetter) -> None:
        """Add one; there is one a task, however often it is added."""
        ...

    def all(self) -> list[DeadLetter]:
        """Every one, oldest first."""
        ...

    def take(self, task_id: str) -> DeadLetter | None:
        """Remove and answer the one of this task."""
        ...


class RedisDeadLetters:
    """A hash."""

    def __init__(self, client: redis.Redis) -> None:
        self._client: Any = client  # redis-py's answers have no one type

    def put(self, letter: DeadLetter) -> None:
        """Add one."""
        self._client.hset(keys.DEAD_LETTERS, letter.task_id, letter.to_text())

    def all(self) -> list[DeadLetter]:
        """Every one, oldest first."""
        found = self._client.hgetall(keys.DEAD_LETTERS).items()
        letters = [_readable(text, _place(field.decode(errors="replace"))) for field, text in found]
        return sorted(filter(None, letters), key=lambda letter: letter.at_unix)

    def take(self, task_id: str) -> DeadLetter | None:
        """Remove and answer the one of this task."""
        text = self._client.hget(keys.DEAD_LETTERS, task_id)
        letter = None if text is None else _readable(text, _place(task_id))
        # of several who have read it, one removes it
        taken = letter is not None and self._client.hdel(keys.DEAD_LETTERS, task_id)
        return letter if taken else None


def _place(field: str) -> str:
    return f"{field!r:.80} of {keys.DEAD_LETTERS} in Redis"


class AmqpDeadLetters:
    """A durable queue. A look takes all messages out, and puts new ones in where they stay.

    To give them back would be counted, and a quorum queue drops what came back too often
    (RabbitMQ's ``delivery-limit``).
    """

    def __init__(self, link: AmqpLink, queue: str) -> None:
        self._link = link
        self._queue = queue

    def put(self, letter: DeadLetter) -> None:
        """Add one."""

        def work(channel: Any) -> None:
            self._declared(channel)
            self._send(channel, letter.to_text())

        self._link.use(work)

    def all(self) -> list[DeadLetter]:
        """Every one, oldest first."""
        found = {letter.task_id: letter for letter in self._look(None)}
        return sorted(found.values(), key=lambda letter: letter.at_unix)

    def take(self, task_id: str) -> DeadLetter | None:
        """Remove and answer the one of this task."""
        found = self._look(lambda letter: letter.task_id == task_id)
        return next((letter for letter in found if letter.task_id == task_id), None)

    def _look(self, remove: Callable[[DeadLetter], bool] | None) -> list[DeadLetter]:
        def work(channel: Any) -> list[DeadLetter]:
            letters: list[DeadLetter] = []
            for _ in range(self._declared(channel)):
                message = channel.basic_get(self._queue, no_ack=False)
                if message is None:
                    break  # somebody else looks as well
                letter = _readable(message.body, f"the queue {self._queue}")
                letters += [letter] if letter else []
                if letter is None or remove is None or not remove(letter):
                    self._send(channel, message.body)
                channel.basic_ack(message.delivery_tag)
            return letters

        return self._link.use(work)

    def _declared(self, channel: Any) -> int:
        """How many there are."""
        declared = channel.queue_declare(self._queue, durable=True, auto_delete=False)
        return int(declared.message_count)

    def _send(self, channel: Any, text: str | bytes) -> None:
        """Returns once RabbitMQ has confirmed it."""
        channel.basic_publish(Message(text, delivery_mode=PERSISTENT), "", self._queue)
