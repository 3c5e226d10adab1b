"""Callers: they send tasks, wait for whoever is away, and remember what they asked for."""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable
from dataclasses import astuple, dataclass, field, replace
from typing import Any

import redis
from kombu.exceptions import OperationalError
from minio.error import MinioException
from urllib3.exceptions import HTTPError

from parsekit.testing import believable_match, synthetic_replay
from parsekit.testing.deployment import WorkerProcess
from trials.fleet import Fleet

#: How a caller's clients say that a server is away.
AWAY = (OSError, redis.RedisError, OperationalError, MinioException, HTTPError)
#: How long a caller tries, seconds.
PATIENCE_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One task: the object that it names, and the hash of its content, which may be damaged.

    ``bulk`` is one of a back-fill.
    """

    task_id: str
    key: str
    sha256: str
    damaged: bool = False
    bulk: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """How many of the tasks are delivered twice, damaged, of a back-fill, or cancelled."""

    twice: float = 0.1
    damaged: float = 0.05
    bulk: float = 0.2
    cancelled: float = 0.04


@dataclass(slots=True)
class Load:
    """Sends tasks to one fleet."""

    fleet: Fleet
    dice: random.Random
    shares: Shares
    tasks: dict[str, Asked] = field(default_factory=dict)
    delivered_twice: int = 0
    cancelled: dict[str, WorkerProcess] = field(default_factory=dict)
    _contents: dict[int, bytes] = field(default_factory=dict)

    @property
    def contents(self) -> set[str]:
        """The hashes of all contents that can be parsed."""
        return {asked.sha256 for asked in self.tasks.values() if not asked.damaged}

    def send_one(self) -> Asked:
        """Send a task: every other names a content that was asked for a moment ago."""
        number = len(self.tasks)
        content = max(0, number - self.dice.randrange(3))
        twice, damaged, bulk, cancelled = (
            self.dice.random() < share for share in astuple(self.shares)
        )
        asked = self.send(content, damaged=damaged, twice=twice, bulk=bulk)
        if cancelled and not damaged:
            self.cancelled[asked.task_id] = self.fleet.deployment.run("cancel", asked.task_id)
        return asked

    def send(
        self, content: int, *, damaged: bool = False, twice: bool = False, bulk: bool = False
    ) -> Asked:
        """Store a replay under a name of its own, and send a task for it."""
        number, body = len(self.tasks), self._body(content)
        body = body[: len(body) // 2] if damaged else body
        asked = Asked(
            task_id=f"trial-{number:06}",
            key=persist(lambda: self.fleet.deployment.put(f"r{number}", body)),
            sha256=hashlib.sha256(body).hexdigest(),
            damaged=damaged,
            bulk=bulk,
        )
        self.tasks[asked.task_id] = asked
        self.delivered_twice += twice
        for _ in range(1 + twice):
            self._send(asked)
        return asked

    def send_stored(self, asked: Asked) -> Asked:
        """Send one more task for an object that is stored already."""
        again = replace(asked, task_id=f"trial-{len(self.tasks):06}")
        self.tasks[again.task_id] = again
        self._send(again)
        return again

    def _send(self, asked: Asked) -> None:
        deployment = self.fleet.deployment
        queue = f"{deployment.queue}-bulk" if asked.bulk else deployment.queue
        extra = {"progressQueue": deployment.progress.queue}
        persist(lambda: deployment.send(asked.key, task_id=asked.task_id, extra=extra, queue=queue))

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
