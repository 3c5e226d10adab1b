"""What callers find when they look for the end of a task."""

from __future__ import annotations

import json
import time
from collections.abc import Collection
from functools import partial
from typing import Any

import redis

from trials.fleet import Fleet
from trials.load import persist

FINAL = frozenset({"SUCCESS", "FAILURE", "REVOKED"})

Meta = dict[str, Any]


def answers(fleet: Fleet, task_ids: Collection[str]) -> dict[str, Meta]:
    """The final answer of each of these tasks that has ended."""
    names = list(task_ids)
    with redis.Redis.from_url(fleet.valkey.url(), socket_timeout=30) as client:
        texts: list[Any] = client.mget([f"celery-task-meta-{name}" for name in names])
    metas = {name: json.loads(text) for name, text in zip(names, texts, strict=True) if text}
    return {name: meta for name, meta in metas.items() if meta["status"] in FINAL}


def wait_for_all(fleet: Fleet, task_ids: Collection[str], seconds: float) -> set[str]:
    """Wait until all have ended, for so long at most; answer those that have not."""
    left, end = set(task_ids), time.monotonic() + seconds
    while left and time.monotonic() < end:
        left -= persist(partial(answers, fleet, left)).keys()
        time.sleep(0.2)
    return left
