"""Waits of about a second: a task that looks at something often comes back when it said."""

from __future__ import annotations

from itertools import islice

import pytest
import redis

from parsekit.worker.redis import keys
from parsekit.worker.redis.transport import IDLE_SECONDS
from parsekit.worker.resume import delay_queue


@pytest.mark.parametrize(
    "seconds", [0.05, 0.3, 0.65, 0.72, 1.01, 1.9, 2.01, 4.6, 5.01, 19.5, 20.01]
)
def test_rabbitmq_adds_no_more_than_a_quarter_to_a_wait(seconds: float) -> None:
    waits_s = delay_queue("q-poll", seconds).queue_arguments["x-message-ttl"] / 1000
    assert seconds <= waits_s < seconds + max(0.25, seconds / 4)


def test_an_idle_worker_looks_when_the_next_task_is_due(service, redis_client: redis.Redis) -> None:
    service.worker("--concurrency", "1").ready()
    seconds, _ = redis_client.time()
    due = {f"cancelled {n}": (seconds * 10 + n) * 100 for n in range(900)}  # one each 0.1 s
    with redis_client.monitor() as monitor:
        redis_client.zadd(keys.DUE, due)
        waits = (told["command"].split() for told in monitor.listen())
        idle_s = (float(words[-1]) for words in waits if words[0] == "BLMOVE")
        assert any(0 < seconds < IDLE_SECONDS for seconds in islice(idle_s, 20))
