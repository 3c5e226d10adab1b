"""An empty task on stock Celery: what `bench.worker` compares with."""

from __future__ import annotations

import os

from celery import Celery

app = Celery("noop", broker=os.environ["NOOP_URL"], backend=os.environ["NOOP_URL"])
app.conf.task_acks_late = True
app.conf.worker_prefetch_multiplier = 1


@app.task(name="noop")  # type: ignore[untyped-decorator]  # Celery ships no types
def noop() -> None:
    return None
