"""Who takes tasks from a queue takes them also when they have waited, however it was started."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from devkit.deployment import WorkerProcess, poll

#: Starts a worker that is told of one queue alone.
PARSEKIT = ("parsekit", "worker", "--concurrency", "2", "--queues")
CELERY = ("celery", "-A", "parsekit.worker:app", "worker", "-linfo", "-Pthreads", "-c2", "-Q")


def start(service: Any, command: tuple[str, ...], queue: str) -> WorkerProcess:
    log = service.folder / "one-queue.log"
    worker = WorkerProcess([sys.executable, "-m", *command, queue], service.environ, log)
    service.workers.append(worker)
    return worker.ready(180)


@pytest.mark.parametrize("command", [PARSEKIT, CELERY], ids=["parsekit", "celery"])
def test_a_worker_told_of_one_queue_ends_tasks_that_have_waited(any_broker, command):
    any_broker.remote_is(pending_s=1)
    start(any_broker, command, any_broker.queue)
    tasks = [any_broker.send(any_broker.replay("one")) for _ in range(2)]
    assert [task.get(timeout=120)["cached"] for task in tasks].count(False) == 1
    assert len(any_broker.uploads) == 1


def test_a_worker_says_what_it_leaves_to_others_and_what_is_not_ours(service):
    worker = start(service, PARSEKIT, "replay-prase,replay-parse")
    poll(lambda: "another worker has to take from" in worker.text())
    text = worker.text()
    assert "another worker has to take from replay-parse-bulk-poll, replay-parse-bulk" in text
    assert "tasks come here by replay-prase only where a caller names it" in text
