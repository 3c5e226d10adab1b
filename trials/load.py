"""Callers: they send tasks, wait for whoever is away, and remember what they asked for."""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable
from dataclasses import astuple, dataclass, field, replace
from typing import Any, Literal

import redis
from kombu.exceptions import OperationalError
from minio.error import MinioException
from urllib3.exceptions import HTTPError

from devkit.deployment import WorkerProcess
from parsekit.testing import believable_match, synthetic_replay
from trials.fleet import Fleet

#: How a caller's clients say that a server is away.
AWAY = (OSError, redis.RedisError, OperationalError, MinioException, HTTPError)
#: How long a caller tries, seconds.
PATIENCE_S = 120.0
#: How callers end tasks of theirs, besides `parsekit cancel`: at a moment that nobody chose.
Break = Literal["soft limit", "hard limit", "expiry", "revoke", "terminate"]
BREAKS: tuple[Break, ...] = ("soft limit", "hard limit", "expiry", "revoke", "terminate")
#: The shortest limit that a worker takes from callers is a second.
LIMIT_S = (1.0, 3.0)
EXPIRES_S = (0.1, 3.0)


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
    """How many are delivered twice, damaged, of a back-fill, cancelled, or broken off."""

    twice: float = 0.1
    damaged: float = 0.05
    bulk: float = 0.2
    cancelled: float = 0.04
    broken_off: float = 0.12


@dataclass(slots=True)
class Load:
    """Sends tasks to one fleet."""

    fleet: Fleet
    dice: random.Random
    shares: Shares
    tasks: dict[str, Asked] = field(default_factory=dict)
    delivered_twice: int = 0
    cancelled: dict[str, WorkerProcess] = field(default_factory=dict)
    broken_off: dict[str, Break] = field(default_factory=dict)
    _contents: dict[int, bytes] = field(default_factory=dict)

    @property
    def contents(self) -> set[str]:
        """The hashes of all contents that can be parsed."""
        return {asked.sha256 for asked in self.tasks.values() if not asked.damaged}

    @property
    def ended_by_caller(self) -> set[str]:
        """The tasks that their callers have ended, which may have come to a result before."""
        return self.cancelled.keys() | self.broken_off.keys()

    @property
    def processes_ended(self) -> int:
        """How many processes that may have ended: those of a hard limit, and of who terminates."""
        return sum(kind in ("hard limit", "terminate") for kind in self.broken_off.values())

    def send_one(self) -> Asked:
        """Send a task: every other names a content that was asked for a moment ago."""
        number = len(self.tasks)
        content = max(0, number - self.dice.randrange(3))
        twice, damaged, bulk, cancelled, broken_off = (
            self.dice.random() < share for share in astuple(self.shares)
        )
        kind, moment = self.dice.choice(BREAKS), self.dice.random()
        asked = self._asked(content, damaged=damaged, bulk=bulk)
        if broken_off and not damaged and not cancelled:
            self.broken_off[asked.task_id] = kind
            self._break_off(asked, kind, moment)
        else:
            self._send_times(asked, 1 + twice)
        if cancelled and not damaged:
            self.cancelled[asked.task_id] = self.fleet.deployment.run("cancel", asked.task_id)
        return asked

    def _break_off(self, asked: Asked, kind: Break, moment: float) -> None:
        """Send it so that it ends at some moment; ``moment`` is from 0 to 1."""
        limit_s, expires_s = (low + moment * (high - low) for low, high in (LIMIT_S, EXPIRES_S))
        options = {
            "soft limit": {"soft_time_limit": limit_s},
            "hard limit": {"time_limit": limit_s},
            "expiry": {"expires": expires_s},
        }
        self._send(asked, **options.get(kind, {}))
        if kind in ("revoke", "terminate"):
            time.sleep(moment / 2)
            control = self.fleet.deployment.caller.control
            persist(lambda: control.revoke(asked.task_id, terminate=kind == "terminate"))

    def send(
        self, content: int, *, damaged: bool = False, twice: bool = False, bulk: bool = False
    ) -> Asked:
        """Store a replay under a name of its own, and send a task for it."""
        asked = self._asked(content, damaged=damaged, bulk=bulk)
        self._send_times(asked, 1 + twice)
        return asked

    def _asked(self, content: int, *, damaged: bool, bulk: bool) -> Asked:
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
        return asked

    def _send_times(self, asked: Asked, times: int) -> None:
        self.delivered_twice += times - 1
        for _ in range(times):
            self._send(asked)

    def send_stored(self, asked: Asked) -> Asked:
        """Send one more task for an object that is stored already."""
        again = replace(asked, task_id=f"trial-{len(self.tasks):06}")
        self.tasks[again.task_id] = again
        self._send(again)
        return again

    def _send(self, asked: Asked, **options: float) -> None:
        deployment = self.fleet.deployment
        queue = f"{deployment.queue}-bulk" if asked.bulk else deployment.queue
        extra = {"progressQueue": deployment.progress.queue}
        persist(
            lambda: deployment.send(
                asked.key, task_id=asked.task_id, extra=extra, queue=queue, **options
            )
        )

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
