"""Each worker says how it is every two seconds; `parsekit top` listens.

Each has a key in Redis that vanishes when nobody renews it, so that what a worker that is gone said
last shows nowhere for longer than a few seconds.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import redis
from pydantic import TypeAdapter

from parsekit.worker.monitoring.counters import MetricsSnapshot
from parsekit.worker.monitoring.families import TASKS
from parsekit.worker.redis import keys
from parsekit.worker.redis.client import connect

log = logging.getLogger(__name__)

SAY_SECONDS = 2.0
#: What was said longer ago is nobody's.
_KEPT_SECONDS = 10
#: Rates are of the last so many seconds.
RATE_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """One worker at one moment. ``tasks_per_minute`` is of the last minute."""

    worker: str
    at_unix: float
    pool: str
    parser: str
    queues: tuple[str, ...]
    tasks_per_minute: float
    snapshot: MetricsSnapshot

    def to_text(self) -> str:
        """JSON. Buckets are left out: nobody who listens draws a histogram."""
        snapshot = MetricsSnapshot(
            metrics=tuple(m for m in self.snapshot.metrics if m.kind != "histogram"),
            waits=self.snapshot.waits,
        )
        return json.dumps(
            {
                "worker": self.worker,
                "at_unix": self.at_unix,
                "pool": self.pool,
                "parser": self.parser,
                "queues": self.queues,
                "tasks_per_minute": self.tasks_per_minute,
                "snapshot": snapshot.to_json(),
            }
        )

    @classmethod
    def from_text(cls, text: str | bytes) -> Announcement:
        """Read what `to_text` wrote; what a newer version says beside it is passed over.

        Raises ValueError or RecursionError for anything else.
        """
        return _form().validate_python(json.loads(text))


@cache
def _form() -> TypeAdapter[Announcement]:
    """Made once: it takes milliseconds, and a worker that only speaks needs none."""
    return TypeAdapter(Announcement)


class StatusChannel:
    """Where workers speak and others listen: a key a worker, found by the members that beat.

    Its methods raise redis.RedisError.
    """

    def __init__(self, url: str) -> None:
        self._client: Any = connect(url)  # redis-py's answers have no one type

    def publish(self, announcement: Announcement) -> None:
        """Replace what this worker published last."""
        key = keys.announcement(announcement.worker)
        self._client.set(key, announcement.to_text(), ex=_KEPT_SECONDS)

    def read(self) -> list[Announcement]:
        """What each worker said last, by name."""
        members = [member.decode() for member in self._client.zrange(keys.BEATS, 0, -1)]
        texts = self._client.mget([keys.announcement(m) for m in members]) if members else []
        return _readable(text for text in texts if text is not None)


def _readable(texts: Any) -> list[Announcement]:
    """The last of each worker; one that can't be read hides no other."""
    found: dict[str, Announcement] = {}
    for text in texts:
        try:
            announcement = Announcement.from_text(text)
        except (ValueError, RecursionError) as exc:
            log.debug("what a worker says can't be read: %s", exc)
        else:
            found[announcement.worker] = announcement
    return [found[name] for name in sorted(found)]


class Announcer:
    """Speaks for one worker; one thread."""

    def __init__(
        self,
        channel: StatusChannel,
        numbers: Callable[[], MetricsSnapshot],
        *,
        worker: str,
        pool: str,
        parser: str,
        queues: Callable[[], tuple[str, ...]],
    ) -> None:
        self._channel = channel
        self._numbers = numbers
        self._facts: dict[str, Any] = {
            "worker": worker,
            "pool": pool,
            "parser": parser,
        }
        self._queues = queues
        self._ended: deque[tuple[float, float]] = deque()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="parsekit-announcer")

    def start(self) -> None:
        """Begin to speak."""
        self._thread.start()

    def stop(self) -> None:
        """Say no more."""
        self._stopped.set()

    def _run(self) -> None:
        while True:
            try:
                self._channel.publish(self._now())
            except redis.RedisError as exc:
                log.debug("can't publish worker status: %s", exc)
            if self._stopped.wait(SAY_SECONDS):
                return

    def _now(self) -> Announcement:
        snapshot = self._numbers()
        return Announcement(
            **self._facts,
            queues=self._queues(),
            at_unix=time.time(),
            tasks_per_minute=self._rate(snapshot),
            snapshot=snapshot,
        )

    def _rate(self, snapshot: MetricsSnapshot) -> float:
        now = time.monotonic()
        self._ended.append((now, sum(m.value for m in snapshot.metrics if m.name == TASKS.name)))
        while now - self._ended[0][0] > RATE_SECONDS:
            self._ended.popleft()
        (since, before), (_, after) = self._ended[0], self._ended[-1]
        return 60 * (after - before) / (now - since) if now > since else 0.0
