"""What is shipped in ``deploy/``: read as the tools read it, and run as far as it runs here."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from devkit.deployment import poll
from devkit.servers.process import ServerProcess, free_port, listens
from parsekit.testing import believable_match, write_replay

from .shipped import TOOLS, Servers, ShippedRabbit, Side, make_side, running, seaweedfs, valkey

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"


@dataclass(frozen=True, slots=True)
class Instruction:
    """One of a Dockerfile, its continued lines joined; ``stage`` counts from 0."""

    stage: int
    word: str
    text: str


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def deploy() -> Path:
    return DEPLOY


@pytest.fixture(scope="session")
def dockerfile() -> list[Instruction]:
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    text = "\n".join(line for line in lines if line and not line.startswith("#"))
    found: list[Instruction] = []
    stage = -1
    for line in text.replace("\\\n", " ").splitlines():
        word, _, rest = line.partition(" ")
        stage += word == "FROM"
        found.append(Instruction(stage, word, " ".join(rest.split())))
    return found


@pytest.fixture(scope="session")
def compose() -> Mapping[str, Any]:
    loaded: Mapping[str, Any] = yaml.safe_load((DEPLOY / "compose/compose.yaml").read_text())
    return loaded


@pytest.fixture(scope="session")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made as an operator makes them."""
    return make_secrets(tmp_path_factory.mktemp("deploy") / "secrets")


@pytest.fixture(scope="session")
def secrets_of_others(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of another deployment, with an authority of its own."""
    return make_secrets(tmp_path_factory.mktemp("others") / "secrets")


def make_secrets(folder: Path) -> Path:
    command = [sys.executable, str(DEPLOY / "make_secrets.py"), "--folder", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return folder


@pytest.fixture(scope="module")
def rabbitmq_of_compose(
    rabbitmq_installed: None,
    deploy: Path,
    secrets: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[ShippedRabbit]:
    text = (deploy / "compose/rabbitmq.conf").read_text()
    server = ShippedRabbit(text, secrets, tmp_path_factory.mktemp("rabbitmq"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def servers(
    compose: Mapping[str, Any],
    secrets: Path,
    rabbitmq_of_compose: ShippedRabbit,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Servers]:
    """All three as compose.yaml starts them, on loopback."""
    services, folder = compose["services"], tmp_path_factory.mktemp
    with (
        valkey(services["valkey"], secrets, folder("valkey")) as front,
        seaweedfs(services, secrets, folder("seaweedfs")) as weed,
    ):
        yield Servers(
            secrets=secrets,
            valkey=front.port,
            rabbitmq=rabbitmq_of_compose.tls_port,
            seaweedfs=weed["s3.port"],
            seaweedfs_grpc=weed["s3.port.grpc"],
        )


@pytest.fixture(scope="module")
def programs() -> Path:
    """The folder of the programs under test: those of this checkout."""
    return TOOLS


@pytest.fixture(scope="module")
def simulator_url(programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    command = [programs / "parsekit-ballchasing-sim", "--port", port, "--pending", 0, 0.5]
    folder = tmp_path_factory.mktemp("simulator")
    server = ServerProcess(list(map(str, command)), folder=folder, ready=lambda: listens(port))
    with running(server):
        yield f"http://127.0.0.1:{port}/api"


@pytest.fixture(scope="module")
def side(
    servers: Servers,
    programs: Path,
    simulator_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[..., Side]:
    def make(role: str, at: Servers = servers) -> Side:
        made = make_side(
            role,
            at,
            configuration=DEPLOY / "compose/parsekit.json",
            programs=programs,
            folder=tmp_path_factory.mktemp(role),
        )
        return replace(made, environ={**made.environ, "PARSEKIT__BALLCHASING__URL": simulator_url})

    return make


@pytest.fixture(scope="module")
def worker_side(side: Callable[..., Side]) -> Side:
    return side("worker")


@pytest.fixture(scope="module")
def caller_side(side: Callable[..., Side]) -> Side:
    return side("caller")


@pytest.fixture(scope="module")
def metrics_url() -> str:
    return f"http://127.0.0.1:{free_port()}/metrics"


@pytest.fixture(scope="module")
def worker(
    worker_side: Side, compose: Mapping[str, Any], metrics_url: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Started with compose's command, and ready."""
    address = metrics_url.split("/")[2]
    arguments = [
        part.replace("0.0.0.0:9090", address) for part in compose["services"]["worker"]["command"]
    ]
    with (worker_side.folder / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            worker_side.command(*arguments),
            cwd=worker_side.folder,
            env=dict(worker_side.environ),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        poll(lambda: process.poll() is not None or worker_side.healthy("--ready"), seconds=90)
        assert process.poll() is None, (worker_side.folder / "worker.log").read_text()
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture(scope="module")
def replay(caller_side: Side, simulator_url: str) -> Path:
    """A replay that the site has already: for a new one the first look comes after 30 s."""
    path = write_replay(caller_side.folder / "a.replay", believable_match(seed=5), frames=0)
    upload = {"file": (path.name, path.read_bytes())}
    token = {"Authorization": "another-account"}
    sent = requests.post(f"{simulator_url}/v2/upload", files=upload, headers=token, timeout=10)
    where = f"{simulator_url}/replays/{sent.json()['id']}"
    poll(
        lambda: requests.get(where, headers=token, timeout=10).json().get("status") == "ok",
        every_s=1,  # no more, or the site refuses
    )
    return path
