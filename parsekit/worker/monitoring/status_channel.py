"""Each worker says how it is every two seconds; `parsekit top` listens.

Each has a key in Redis that vanishes when nobody renews it, so that what a worker that is gone said
last shows nowhere for longer than a few seconds.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import redis

from parsekit.worker.monitoring.announcement import (
    Announcement,
    MetricsSnapshot,
    announcements_in,
)
from parsekit.worker.monitoring.families import TASKS
from parsekit.worker.redis import keys
from parsekit.worker.redis.client import connect

log = logging.getLogger(__name__)

SAY_SECONDS = 2.0
#: What was said longer ago is nobody's.
_KEPT_SECONDS = 10
#: Rates are of the last so many seconds.
RATE_SECONDS = 60.0


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
        return announcements_in(texts)


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
