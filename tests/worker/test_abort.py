"""A worker that ends with tasks still running."""

from __future__ import annotations

import signal
import time
from types import SimpleNamespace

import pytest

from devkit.deployment import poll
from parsekit.worker.process import Process


class _Service:
    addresses = SimpleNamespace(backend="redis://127.0.0.1:1/0")

    @property
    def session(self) -> None:
        pytest.fail("a pipeline was made only to be closed")


def test_the_parent_of_a_pool_which_runs_no_task_makes_no_pipeline_to_close() -> None:
    Process(_Service()).abort()


@pytest.mark.parametrize("signals", [(signal.SIGQUIT,), (signal.SIGINT, signal.SIGINT)])
def test_a_worker_told_to_end_at_once_gives_its_task_back(service, signals):
    """Its servers were closed under the task, which then failed for that, and nobody was told."""
    service.remote_is(slow_s=4)
    first = service.worker("--pool", "threads", "--concurrency", "2").ready()
    task = service.send(service.replay("one"))
    poll(lambda: [step for step in service.progress(task.id) if step["progress"]["value"] >= 30])
    for each in signals:
        first.process.send_signal(each)
        time.sleep(0.5)  # two that arrive at once are one
    first.process.wait(60)
    service.remote_is(slow_s=0)
    service.worker().ready()
    assert task.get(timeout=60)["parser"] == service.config["parser"]
    poll(lambda: service.analytics(task.id))
    assert len(service.analytics(task.id)) == 1
    ends = [each["status"] for each in service.progress(task.id) if each["status"] != "Pending"]
    assert ends == ["Complete"]
    assert not service.lines("closed_in_use")
