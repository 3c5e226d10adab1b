"""One Valkey a session, and a deployment of its own for each test."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from devkit.contract import Contract
from devkit.deployment import Deployment
from devkit.servers.rabbitmq_node import RabbitNode
from devkit.servers.valkey import ValkeyServer, valkey
from parsekit.testing import believable_match, synthetic_replay
from parsekit.testing.sinks import believable_body

PLUGINS = Path(__file__).parent / "worker" / "plugins"
#: The parsers that callers have schemas for.
CALLERS_KNOW = ("ballchasing", "carball")


@pytest.fixture(scope="session", autouse=True)
def services_tell_by_the_contract(contract: Contract) -> None:
    Service.contract = contract


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    with valkey(tmp_path_factory.mktemp("valkey")) as server:
        yield server


class Service(Deployment):
    """A deployment with the fake remote parser.

    All that its listeners are told must be as the contract says, read by the test or not.
    """

    contract: Contract | None = None

    def __init__(self, folder: Path, config: dict[str, Any]) -> None:
        self.remote = folder / "remote"
        self.remote.mkdir(parents=True)
        environ = {"FAKE_REMOTE": str(self.remote), "PYTHONPATH": str(PLUGINS)}
        self._checked = 0
        super().__init__(folder, {"parser": "fake", **config}, environ)

    def replay(self, name: str, seed: int = 1) -> str:
        return self.put(name, synthetic_replay(believable_match(seed=seed), frames=0))

    def remote_is(self, **settings: float | str) -> None:
        for name, value in settings.items():
            (self.remote / name).write_text(str(value))

    def lines(self, name: str) -> list[str]:
        file = self.remote / name
        return file.read_text().splitlines() if file.exists() else []

    @property
    def uploads(self) -> list[str]:
        return self.lines("uploads")

    def events(self, task_id: str | None = None) -> list[dict[str, Any]]:
        found = [json.loads(line) for line in self.lines("events")]
        unchecked, self._checked = found[self._checked :], len(found)
        for event in unchecked if self.contract is not None else ():
            self.contract.check(event["kind"], [readable(event)])
        return [e for e in found if task_id is None or task_of(e) == task_id]

    def progress(self, task_id: str) -> list[dict[str, Any]]:
        return [e for e in self.events(task_id) if e["kind"] == "progress"]

    def analytics(self, task_id: str) -> list[dict[str, Any]]:
        return [e for e in self.events(task_id) if e["kind"] == "analytics"]

    def close(self) -> None:
        super().close()
        self.events()


def readable(event: dict[str, Any]) -> dict[str, Any]:
    """The event as callers can read it: parsers of tests answer in a form of their own."""
    result = event.get("result")
    if result is None or result["parser"] in CALLERS_KNOW:
        return event
    own = {"parser": "ballchasing", "data": believable_body()}
    return {**event, "result": {**result, **own}}


def task_of(event: dict[str, Any]) -> str:
    if event["kind"] == "progress":
        return str(event["taskId"])
    return str(dict(event["data"]["tags"])["taskId"])


@pytest.fixture
def redis_client(redis_server: ValkeyServer) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_server.url()) as client:
        client.flushall()
        yield client


@pytest.fixture
def service(
    tmp_path: Path, redis_server: ValkeyServer, redis_client: redis.Redis
) -> Iterator[Service]:
    """Redis as broker and result store; ``service.worker()`` starts a worker."""
    url = redis_server.url()
    made = Service(tmp_path, {"celery": {"broker": url, "backend": url}})
    yield made
    made.close()


@pytest.fixture
def make_service(tmp_path: Path) -> Iterator[Callable[[dict[str, Any]], Service]]:
    """A deployment with any configuration."""
    made: list[Service] = []

    def make(config: dict[str, Any]) -> Service:
        made.append(Service(tmp_path / f"service{len(made)}", config))
        return made[-1]

    yield make
    for one in made:
        one.close()


#: Every broker that we promise; results and the state of tasks are in Redis.
BROKERS = ("redis", "rabbitmq-classic", "rabbitmq-quorum")


@pytest.fixture(scope="session")
def task_brokers(rabbitmq: RabbitNode, redis_server: ValkeyServer) -> dict[str, str]:
    """The address of each broker, with vhosts that no other process of the run has."""
    own = uuid.uuid4().hex[:8]
    return {
        "rabbitmq-classic": rabbitmq.add_vhost(f"classic-{own}"),
        "rabbitmq-quorum": rabbitmq.add_vhost(f"quorum-{own}", "quorum"),
        "redis": redis_server.url(),
    }


@pytest.fixture(params=BROKERS)
def any_broker(
    request: pytest.FixtureRequest,
    make_service: Callable[[dict[str, Any]], Service],
    task_brokers: dict[str, str],
    redis_server: ValkeyServer,
    redis_client: redis.Redis,
) -> Service:
    """A deployment over each broker, with a queue of its own."""
    return make_service(over(task_brokers[request.param], redis_server))


@pytest.fixture
def rabbit_service(
    make_service: Callable[[dict[str, Any]], Service],
    task_brokers: dict[str, str],
    redis_server: ValkeyServer,
    redis_client: redis.Redis,
) -> Service:
    """A deployment whose tasks come through RabbitMQ, with a queue of its own."""
    return make_service(over(task_brokers["rabbitmq-classic"], redis_server))


def over(broker: str, results: ValkeyServer) -> dict[str, Any]:
    """The configuration of a deployment with these servers, and a queue of its own."""
    queue = f"tasks-{uuid.uuid4().hex[:8]}"
    return {"celery": {"broker": broker, "backend": results.url(), "queue": queue}}
