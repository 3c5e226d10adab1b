"""The image's steps outside a container: locks and wheels in a fresh environment, real servers.

The servers are started with the commands and secrets of compose.yaml, on loopback ports; the
worker runs with the shipped configuration, and a caller's secrets send it a replay.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import redis
import yaml
from amqp.exceptions import AccessRefused

from devkit.deployment import poll
from parsekit.testing import believable_match, write_replay
from parsekit_local.stream.readers import why_not_native

from .shipped import TOOLS, Servers, Side, run

#: Wheels of all distributions are built and installed first.
pytestmark = [pytest.mark.timeout(900), pytest.mark.processes]


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
    built = str(root / ".cache/native")
    own = {**os.environ, "PATH": f"{TOOLS}:{os.environ['PATH']}", "CARGO_TARGET_DIR": built}
    if why_not_native() and not os.environ.get("CI"):
        shutil.rmtree(source / "plugins/local_native")  # the worker then reads without it
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


@pytest.fixture(scope="module")
def programs(installed: Path) -> Path:
    return installed


def test_all_plugins_are_found_in_the_wheels(worker_side: Side) -> None:
    found = json.loads(worker_side.run("plugins", "--format", "json").stdout)
    names = {plugin["distribution"] for plugin in found}
    assert names == {
        "parsekit",
        *("parsekit-ballchasing", "parsekit-local", "parsekit-report", "parsekit-server"),
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
    assert not caller_side.healthy("--live")


def test_a_worker_is_live_and_ready(worker: subprocess.Popen[bytes], worker_side: Side) -> None:
    assert worker_side.healthy("--live")
    assert worker_side.healthy("--ready")
    assert "can be read by everybody" not in (worker_side.folder / "worker.log").read_text()


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


def test_the_callers_get_the_analytics(outcome: dict[str, Any], servers: Servers) -> None:
    with servers.link() as connection, connection.SimpleQueue("analytics") as queue:
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

    told = re.compile(rf'^{metric["name"]}{{[^}}]*\b{label}="{value}"', re.MULTILINE)
    poll(lambda: told.search(served()))


def test_a_worker_may_not_write_replays(worker_side: Side) -> None:
    replay = write_replay(worker_side.folder / "b.replay", believable_match(seed=6), frames=0)
    done = worker_side.run("submit", replay)
    assert done.returncode != 0
    assert "s3:PutObject" in done.stderr


def test_who_does_not_log_in_may_do_nothing(servers: Servers) -> None:
    tls = {"ssl": True, "ssl_ca_certs": str(servers.authority)}
    with redis.Redis(port=servers.valkey, host="127.0.0.1", **tls) as nobody:
        assert nobody.ping()
        with pytest.raises(redis.exceptions.NoPermissionError):
            nobody.get("celery-task-meta-x")
    with pytest.raises(AccessRefused), servers.link("parsekit", "wrong") as link:
        link.ensure_connection(max_retries=1, timeout=5)


def test_a_worker_at_rabbitmq_reads_nothing(servers: Servers, outcome: dict[str, Any]) -> None:
    password = servers.secret("worker", "rabbitmq_password")
    with (
        servers.link("parsekit", password) as connection,
        connection.channel() as channel,
        pytest.raises(AccessRefused),
    ):
        channel.basic_get("analytics")


def test_it_ends_within_its_grace(
    worker: subprocess.Popen[bytes], worker_side: Side, outcome: dict[str, Any]
) -> None:
    worker.terminate()
    assert worker.wait(40) == 0
    assert not worker_side.healthy("--live")
