"""A whole service on this machine: servers, workers, and the sandbox of the remote parser."""

from __future__ import annotations

import hashlib
import json
import secrets
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from devkit.deployment import WorkerProcess
from devkit.production import Production
from devkit.servers.process import free_port
from devkit.servers.rabbitmq import RabbitServer, rabbitmq
from devkit.servers.seaweedfs import SeaweedServer, seaweedfs
from devkit.servers.valkey import ValkeyServer, valkey
from parsekit import JsonObject
from parsekit.testing import believable_match, synthetic_replay
from parsekit_ballchasing.simulator import Simulator, SiteOptions
from parsekit_ballchasing.simulator.bodies import BodyMaker, made_up

Parser = Literal["ballchasing", "local"]
#: Where tasks go: over Redis, or over RabbitMQ with classic or quorum queues.
Broker = Literal["redis", "rabbitmq", "quorum"]

_VHOST = "tasks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What kind of deployment it is. The pool follows the parser, as it does in production."""

    parser: Parser
    broker: Broker
    workers: int = 2
    slots: int = 8
    #: Seconds for which the sandbox leaves a replay pending, least and most.
    pending_s: tuple[float, float] = (1.0, 4.0)

    def __str__(self) -> str:
        return f"parser {self.parser}, tasks over {self.broker}, {self.workers} workers"


class OneBody(BodyMaker):
    """Has the sandbox parse once and answer that for each replay: it shares the cores with workers.

    What tells replays apart is made of their content.
    """

    def __init__(self) -> None:
        super().__init__()
        content = synthetic_replay(believable_match(team_size=1), frames=300)
        self._body = BodyMaker().make(content) or made_up(content)

    def make(self, content: bytes) -> JsonObject:
        """The body, as that of this content."""
        digest = hashlib.sha256(content).hexdigest().upper()
        return {**self._body, "rocket_league_id": digest[:32], "match_guid": digest[32:]}


@dataclass(slots=True, kw_only=True)
class Fleet:
    """A running one. ``ports`` has the HTTP port of each worker, by its process id."""

    plan: Plan
    folder: Path
    deployment: Production
    rabbitmq: RabbitServer
    store: SeaweedServer
    valkey: ValkeyServer
    simulator: Simulator
    workers: list[WorkerProcess] = field(default_factory=list)
    ports: dict[int, int] = field(default_factory=dict)

    @property
    def temporary(self) -> Path:
        """Where workers keep what they fetch."""
        return self.folder / "tmp"

    @property
    def vhost(self) -> str | None:
        """Of RabbitMQ, where tasks go over it."""
        if self.plan.broker == "redis":
            return None
        return _VHOST if self.plan.broker == "quorum" else "/"

    def start_worker(self) -> WorkerProcess:
        """One more worker, which is not ready yet."""
        slots = self.plan.slots if self.plan.parser == "ballchasing" else 2
        port = free_port()
        worker = self.deployment.worker("--concurrency", str(slots), "--http", str(port))
        self.ports[worker.pid] = port
        return worker

    def replace_dead(self) -> None:
        """Start a worker for each that has ended, as whatever runs them in production does."""
        for index, worker in enumerate(self.workers):
            if worker.process.poll() is not None:
                self.workers[index] = self.start_worker()

    def stop_workers(self) -> list[int]:
        """Ask all to end, and return their exit codes."""
        for worker in self.workers:
            worker.signal(signal.SIGTERM)
        return [worker.process.wait(60) for worker in self.workers]


@contextmanager
def fleet(plan: Plan, folder: Path) -> Iterator[Fleet]:
    """Run one for the length of the block."""
    with ExitStack() as stack:
        node = stack.enter_context(rabbitmq(folder / "rabbitmq"))
        store = stack.enter_context(seaweedfs(folder / "seaweedfs"))
        redis = stack.enter_context(valkey(folder / "valkey"))
        limits = SiteOptions(tier="org", day=-1, week=-1, pending_s=plan.pending_s)
        simulator = stack.enter_context(Simulator(limits))
        simulator.site.bodies = OneBody()
        home = folder / "service"
        deployment = Production(
            home,
            _config(plan, _tasks_url(plan, node, redis), redis.url(), simulator.url, home),
            {"TMPDIR": str(folder / "tmp")},
            store=store,
            broker=node,
            start=subprocess.Popen,
        )
        stack.callback(deployment.close)
        (folder / "tmp").mkdir()
        made = Fleet(
            plan=plan,
            folder=folder,
            deployment=deployment,
            rabbitmq=node,
            store=store,
            valkey=redis,
            simulator=simulator,
        )
        made.workers += [made.start_worker() for _ in range(plan.workers)]
        for worker in made.workers:
            worker.ready()
        yield made


def _tasks_url(plan: Plan, node: RabbitServer, redis: ValkeyServer) -> str:
    if plan.broker == "redis":
        return redis.url()
    url = node.add_vhost(_VHOST, "quorum") if plan.broker == "quorum" else node.url()
    for queue in ("replay-parse", "replay-parse-bulk"):
        _dead_letter_what_expires(node, queue, _VHOST if plan.broker == "quorum" else "/")
    return url


def _dead_letter_what_expires(node: RabbitServer, queue: str, vhost: str) -> None:
    """Lay the policy of docs/service.md, without which RabbitMQ drops what expires in a queue."""
    to = {"dead-letter-exchange": "", "dead-letter-routing-key": f"{queue}-poll"}
    node.set_policy(f"expired-{queue}", f"^{queue}$", json.dumps(to), vhost)


def _config(plan: Plan, broker: str, backend: str, api: str, home: Path) -> JsonObject:
    home.mkdir(parents=True)
    files = {"token": "token-of-a-trial-0123", "provenance.key": secrets.token_hex(32)}
    for name, text in files.items():
        (home / name).touch(mode=0o600)
        (home / name).write_text(text)
    return {
        "parser": plan.parser,
        "answer_as": "ballchasing",
        "celery": {"broker": broker, "backend": backend},
        "ballchasing": {"url": api, "token_file": str(home / "token")},
        "provenance": {"key_file": str(home / "provenance.key")},
        "logs": {"format": "json"},
    }
