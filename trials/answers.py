"""What callers find when they look for the end of a task, wherever results are kept."""

from __future__ import annotations

import json
import time
from collections.abc import Collection
from functools import partial
from typing import Any

import redis
from kombu import Connection
from kombu.exceptions import ChannelError

from trials.fleet import Fleet
from trials.load import persist

FINAL = frozenset({"SUCCESS", "FAILURE", "REVOKED"})

Meta = dict[str, Any]


def ended(fleet: Fleet, task_ids: Collection[str]) -> set[str]:
    """Those of these tasks that have ended."""
    if fleet.valkey is not None:
        return {name for name, metas in _in_redis(fleet, task_ids).items() if metas}
    return {name for name in task_ids if _waiting(fleet, _queue(name))}


def answers(fleet: Fleet, task_ids: Collection[str]) -> dict[str, list[Meta]]:
    """Every final answer of each task: there should be one. RabbitMQ's are taken out."""
    if fleet.valkey is not None:
        return _in_redis(fleet, task_ids)
    return {name: [json.loads(body) for body in _take(fleet, _queue(name))] for name in task_ids}


def wait_for_all(fleet: Fleet, task_ids: Collection[str], seconds: float) -> set[str]:
    """Wait until all have ended, for so long at most; answer those that have not."""
    left, end = set(task_ids), time.monotonic() + seconds
    while left and time.monotonic() < end:
        left -= persist(partial(ended, fleet, left))
        time.sleep(0.2)
    return left


def _in_redis(fleet: Fleet, task_ids: Collection[str]) -> dict[str, list[Meta]]:
    if fleet.valkey is None:
        raise ValueError("this deployment has no Redis")
    names = list(task_ids)
    found: dict[str, list[Meta]] = {name: [] for name in names}
    with redis.Redis.from_url(fleet.valkey.url(), socket_timeout=30) as client:
        texts: list[Any] = client.mget([f"celery-task-meta-{name}" for name in names])
    for name, text in zip(names, texts, strict=True):
        meta = json.loads(text) if text else {}
        if meta.get("status") in FINAL:
            found[name].append(meta)
    return found


def _queue(task_id: str) -> str:
    """Where celery-node looks."""
    return task_id.replace("-", "")


def _waiting(fleet: Fleet, queue: str) -> int:
    with Connection(fleet.results_url, connect_timeout=10) as connection:
        try:
            return int(connection.channel().queue_declare(queue, passive=True).message_count)
        except ChannelError:
            return 0


def _take(fleet: Fleet, queue: str) -> list[bytes]:
    with Connection(fleet.results_url, connect_timeout=10) as connection:
        channel, bodies = connection.channel(), []
        try:
            while (message := channel.basic_get(queue, no_ack=True)) is not None:
                bodies.append(message.body)
        except ChannelError:
            return bodies
        return bodies
