"""Callers: they send tasks, wait for whoever is away, and remember what they asked for."""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import redis
from kombu.exceptions import OperationalError
from minio.error import MinioException
from urllib3.exceptions import HTTPError

from parsekit.testing import believable_match, synthetic_replay
from trials.fleet import Fleet

#: How a caller's clients say that a server is away.
AWAY = (OSError, redis.RedisError, OperationalError, MinioException, HTTPError)
#: How long a caller tries, seconds.
PATIENCE_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One task: the object that it names, and the hash of its content."""

    task_id: str
    key: str
    sha256: str


@dataclass(slots=True)
class Load:
    """Sends tasks to one fleet. ``again`` is the share that is delivered twice."""

    fleet: Fleet
    dice: random.Random
    again: float = 0.1
    tasks: dict[str, Asked] = field(default_factory=dict)
    delivered_twice: int = 0
    _contents: dict[int, bytes] = field(default_factory=dict)

    @property
    def contents(self) -> set[str]:
        """The hashes of all contents that were asked for."""
        return {asked.sha256 for asked in self.tasks.values()}

    def send(self, content: int) -> Asked:
        """Store a replay under a name of its own, and send a task for it."""
        number, body = len(self.tasks), self._body(content)
        task_id = f"trial-{number:06}"
        key = persist(lambda: self.fleet.deployment.put(f"r{number}", body))
        asked = Asked(task_id=task_id, key=key, sha256=hashlib.sha256(body).hexdigest())
        self.tasks[task_id] = asked
        twice = self.dice.random() < self.again
        self.delivered_twice += twice
        for _ in range(1 + twice):
            self._send(asked)
        return asked

    def send_stored(self, asked: Asked) -> Asked:
        """Send one more task for an object that is stored already."""
        again = Asked(task_id=f"trial-{len(self.tasks):06}", key=asked.key, sha256=asked.sha256)
        self.tasks[again.task_id] = again
        self._send(again)
        return again

    def _send(self, asked: Asked) -> None:
        queue = {"progressQueue": self.fleet.deployment.progress.queue}
        persist(lambda: self.fleet.deployment.send(asked.key, task_id=asked.task_id, extra=queue))

    def _body(self, content: int) -> bytes:
        if content not in self._contents:
            match = believable_match(seed=content, team_size=1)
            self._contents[content] = synthetic_replay(match, frames=0)
        return self._contents[content]


def persist(call: Callable[[], Any]) -> Any:
    """Call again while a server is away, as a caller with sense does."""
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            return call()
        except AWAY:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
