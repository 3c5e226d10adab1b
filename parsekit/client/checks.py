"""What ``parsekit doctor`` tries of the service: the broker, its queues, the result store."""

from __future__ import annotations

from collections.abc import Callable

from kombu import Queue

from parsekit.config import Config
from parsekit.diagnostics.doctor import Try
from parsekit.errors import ParsekitError
from parsekit.providers import Check
from parsekit.worker.addresses import CELERYS_DEFAULT_QUEUE, Addresses
from parsekit.worker.celery_settings import celery_settings, task_queues
from parsekit.worker.servers import (
    Server,
    broker,
    misplaced_tasks,
    result_store,
)


def service_checks(config: Config) -> list[tuple[str, Try]]:
    """Checks of what section `celery` names."""
    at = Addresses.of(config)
    tasks, results = broker(at), result_store(at)
    return [
        ("broker", lambda: _broker_and_queues(tasks, at)),
        ("result store", lambda: [_usable(results)]),
    ]


def pickle_check(config: Config) -> Check:
    """Whether a message can only be JSON: who may send a pickle runs code in the worker."""
    settings = celery_settings(Addresses.of(config))
    taken = {*settings["accept_content"], *settings["result_accept_content"]}
    advice = "take everything but json out of accept_content"
    detail = f"messages are taken as {', '.join(sorted(taken))}"
    return Check(name="messages", ok=taken == {"json"}, detail=detail, advice=advice)


def _broker_and_queues(tasks: Server, at: Addresses) -> list[Check]:
    usable = _usable(tasks)
    if not usable.ok:
        return [usable, Check(name="queues", ok=None, detail="not tried without the broker")]
    return [usable, *(_queue(tasks, queue) for queue in task_queues(at)), *_misplaced(at)]


def _usable(server: Server) -> Check:
    def attempt() -> str:
        server.use()
        return server.shown

    return _tried(server.name, attempt)


def _queue(tasks: Server, queue: Queue) -> Check:
    """Declared as a worker does, which changes nothing for one that consumes it."""
    return _tried(f"queue {queue.name}", lambda: tasks.declare(queue))


def _misplaced(at: Addresses) -> list[Check]:
    """A line where tasks wait whose callers named no queue; they may be another program's."""
    if not (found := misplaced_tasks(at)):
        return []
    advice = f"callers of parseReplay name the queue {at.queue}; docs/service.md has whole callers"
    detail = f"{found} waiting, and none of our workers takes them"
    return [Check(name=f"queue {CELERYS_DEFAULT_QUEUE}", ok=None, detail=detail, advice=advice)]


def _tried(name: str, attempt: Callable[[], str]) -> Check:
    try:
        return Check(name=name, ok=True, detail=attempt())
    except ParsekitError as error:
        detail, _, advice = error.message.partition("; ")
        return Check(name=name, ok=False, detail=detail, advice=advice)
