"""Requests that are never tried again by themselves, for somebody to look at, retry or drop."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import redis
from pydantic import TypeAdapter

from parsekit.model import JsonObject
from parsekit.worker.redis import keys

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One request as its caller sent it, and why it is a dead letter. ``at_unix`` is when."""

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


def _readable(text: str | bytes, field: str) -> DeadLetter | None:
    """The letter, or None for what is none: that hides no other, and is nobody's to drop unread."""
    try:
        return DeadLetter.from_text(text)
    except (ValueError, RecursionError):
        place = f"{field!r:.80} of {keys.DEAD_LETTERS} in Redis"
        log.warning("a dead letter can't be read and stays where it is; look into %s", place)
        return None


class DeadLetters:
    """Kept in a hash of Redis until somebody drops them."""

    def __init__(self, client: redis.Redis) -> None:
        self._client: Any = client  # redis-py's answers have no one type

    def put(self, letter: DeadLetter) -> None:
        """Add one; there is one a task, however often it is added."""
        self._client.hset(keys.DEAD_LETTERS, letter.task_id, letter.to_text())

    def all(self) -> list[DeadLetter]:
        """Every one, oldest first."""
        found = self._client.hgetall(keys.DEAD_LETTERS).items()
        letters = [_readable(text, field.decode(errors="replace")) for field, text in found]
        return sorted(filter(None, letters), key=lambda letter: letter.at_unix)

    def remove(self, task_id: str) -> DeadLetter | None:
        """Remove and return the one of this task."""
        text = self._client.hget(keys.DEAD_LETTERS, task_id)
        letter = None if text is None else _readable(text, task_id)
        # of several who have read it, one removes it
        taken = letter is not None and self._client.hdel(keys.DEAD_LETTERS, task_id)
        return letter if taken else None
