"""Celery's task events of a worker, as Flower and exporters hear them."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from devkit.deployment import poll
from devkit.servers.valkey import ValkeyServer
from parsekit import errors


class Monitor:
    """Hears all events of a deployment, as Flower does."""

    def __init__(self, service: Any) -> None:
        self.heard: list[dict[str, Any]] = []
        self._connection = service.caller.connection_for_read()
        handlers = {"*": self.heard.append}
        self._receiver = service.caller.events.Receiver(self._connection, handlers=handlers)
        listens = threading.Event()
        self._receiver.on_consume_ready = lambda *_, **__: listens.set()
        self._thread = threading.Thread(target=self._receiver.capture, daemon=True)
        self._thread.start()
        assert listens.wait(60)

    def kinds(self, task: Any) -> list[str]:
        """What was heard of this task, in its order."""
        return [event["type"] for event in self.heard if event.get("uuid") == task.id]

    def close(self) -> None:
        self._receiver.should_stop = True
        self._thread.join(60)
        self._connection.release()


@pytest.fixture(params=["redis", "rabbitmq-classic"])
def make_events_service(
    request: pytest.FixtureRequest,
    make_service: Callable[[dict[str, Any]], Any],
    task_brokers: dict[str, str],
    redis_server: ValkeyServer,
    redis_client: redis.Redis,
) -> Callable[..., Any]:
    """Makes a deployment over each broker, with settings of Celery."""
    places = {"broker": task_brokers[request.param], "backend": redis_server.url()}
    return lambda **more: make_service(
        {"celery": {**places, "queue": f"events-{uuid.uuid4().hex[:8]}", **more}}
    )


@pytest.fixture
def watch() -> Iterator[Callable[[Any], Monitor]]:
    """Makes a monitor of a deployment."""
    made: list[Monitor] = []

    def start(service: Any) -> Monitor:
        made.append(Monitor(service))
        return made[-1]

    yield start
    for monitor in made:
        monitor.close()


def ended(service: Any, name: str = "one", seed: int = 1) -> Any:
    """A task that has ended well."""
    task = service.send(service.replay(name, seed=seed))
    task.get(timeout=60)
    return task


@pytest.mark.parametrize(
    ("options", "settings"),
    [
        (("--task-events", "--pool", "prefork", "--concurrency", "1"), {}),
        (("-E", "--pool", "threads"), {}),
        ((), {"task_events": True}),
    ],
    ids=["prefork", "threads", "configured"],
)
def test_a_monitor_hears_each_step_of_a_task(make_events_service, watch, options, settings):
    service = make_events_service(**settings)
    monitor = watch(service)
    service.worker(*options).ready()
    service.remote_is(pending_s=0)
    good = ended(service)
    poll(lambda: monitor.kinds(good)[-1:] == ["task-succeeded"])
    assert monitor.kinds(good)[:2] == ["task-received", "task-started"]
    bad = service.send("replays/none.replay")
    with pytest.raises(errors.ReplayNotFound):
        bad.get(timeout=60)
    poll(lambda: monitor.kinds(bad)[-1:] == ["task-failed"])
    poll(lambda: any(event["type"] == "worker-heartbeat" for event in monitor.heard))


def test_a_worker_is_silent_until_a_monitor_asks(make_events_service, watch):
    service = make_events_service()
    monitor = watch(service)
    service.worker().ready()
    service.remote_is(pending_s=0)
    ended(service)
    control = service.caller.control
    [answer] = poll(lambda: control.enable_events(reply=True, timeout=5))
    assert list(answer.values()) == [{"ok": "task events enabled"}]
    told = ended(service, "two", seed=2)
    poll(lambda: monitor.kinds(told)[-1:] == ["task-succeeded"])
    assert {event.get("uuid", told.id) for event in monitor.heard} == {told.id}
    assert not [event for event in monitor.heard if event["type"] == "worker-online"]


def test_a_monitor_hears_once_that_a_task_was_ended_from_outside(make_events_service, watch):
    service = make_events_service()
    monitor = watch(service)
    service.worker("-E", "--pool", "prefork", "--concurrency", "2").ready()
    service.remote_is(slow_s=60)
    late = service.send(service.replay("one"), time_limit=2)
    poll(lambda: monitor.kinds(late)[-1:] == ["task-failed"])
    killed = service.send(service.replay("two", seed=2))
    poll(lambda: service.progress(killed.id))
    service.caller.control.revoke(killed.id, terminate=True)
    poll(lambda: killed.state == "REVOKED")
    assert monitor.kinds(late).count("task-failed") == 1
    assert monitor.kinds(killed).count("task-revoked") == 1
