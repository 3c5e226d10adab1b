"""What a worker does at its start about servers that are away, and later about one that refuses."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from devkit.deployment import WorkerProcess, poll
from devkit.servers.process import free_port
from devkit.servers.rabbitmq_node import RabbitNode
from devkit.servers.valkey import ValkeyServer

from ..conftest import Service

#: RabbitMQ may start here, on a machine that others use too.
pytestmark = pytest.mark.timeout(300)

Make = Callable[[dict[str, Any]], Service]


def test_a_server_that_is_away_is_told_in_a_line_and_waited_for(
    tmp_path: Path, make_service: Make
) -> None:
    (tmp_path / "valkey").mkdir()
    server = ValkeyServer(tmp_path / "valkey")
    service = make_service({"celery": {"broker": server.url(), "backend": server.url()}})
    worker = service.worker()
    poll(lambda: "waiting: the broker does not answer: redis://" in worker.text())
    server.start()
    try:
        worker.ready()
        assert service.send(service.replay("one")).get(timeout=60)["parser"] == "fake"
    finally:
        worker.stop()
        server.stop()
    assert worker.text().count("waiting: ") == 1
    assert "Traceback" not in worker.text()


def test_a_password_that_is_changed_ends_the_worker_with_a_line(
    rabbitmq: RabbitNode, redis_server: ValkeyServer, make_service: Make
) -> None:
    rabbitmq.add_vhost("changing")
    url = rabbitmq.add_user("changing", "s3cret-before", "changing")
    service = make_service({"celery": {"broker": url, "backend": redis_server.url(6)}})
    worker = service.worker().ready()
    rabbitmq.ctl("change_password", "changing", "s3cret-after")
    rabbitmq.ctl("close_all_connections", "--vhost", "changing", "the password is another")
    poll(lambda: worker.process.poll() is not None, seconds=90)
    said = worker.text().splitlines()[-1]
    assert said.startswith("error: the broker amqp://127.0.0.1:")
    assert "correct the user and password" in said
    assert worker.process.returncode == 2
    assert "Traceback" not in worker.text()


def test_celerys_own_command_ends_with_a_line_too(
    redis_server: ValkeyServer, make_service: Make
) -> None:
    section = {"token_file": "/no/such"}
    service = make_service(
        {
            "celery": {"broker": redis_server.url(6)},
            "parser": "ballchasing",
            "ballchasing": section,
        }
    )
    line = [sys.executable, "-m", "celery", "-A", "parsekit.worker:app", "worker"]
    log = service.folder / "celery.log"
    worker = WorkerProcess(line, service.environ, log, start=subprocess.Popen)
    assert worker.process.wait(90) == 2
    (said,) = (line for line in worker.text().splitlines() if line.startswith("error: "))
    assert "ballchasing.token_file: can't read /no/such" in said
    assert "Traceback" not in worker.text()


def test_a_pool_that_a_worker_can_not_run_in_ends_it_with_a_line(
    redis_server: ValkeyServer, make_service: Make
) -> None:
    service = make_service({"celery": {"broker": redis_server.url(6)}})
    line = [sys.executable, "-m", "celery", "-A", "parsekit.worker:app", "worker", "-P", "solo"]
    log = service.folder / "celery.log"
    worker = WorkerProcess(line, service.environ, log, start=subprocess.Popen)
    assert worker.process.wait(90) == 2
    assert "error: a worker can't run in a pool 'solo': want threads or prefork" in worker.text()
    assert "Traceback" not in worker.text()


@pytest.fixture
def chained(rabbitmq: RabbitNode, redis_server: ValkeyServer, make_service: Make) -> Service:
    """Tasks over a RabbitMQ of three nodes, of which two are away."""
    there = rabbitmq.add_vhost("chained")
    away = [there.replace(str(rabbitmq.port), str(free_port())) for _ in range(2)]
    celery = {"broker": ";".join([*away, there]), "backend": redis_server.url(6)}
    return make_service({"celery": celery})


def test_any_node_of_a_chain_will_do(chained: Service) -> None:
    worker = chained.worker().ready()
    poll(lambda: chained.run("health", "--ready").process.wait(60) == 0)
    doctor = chained.run("doctor")
    assert doctor.process.wait(60) == 0, doctor.text()
    assert "guest@" not in doctor.text()
    assert chained.send(chained.replay("one")).get(timeout=60)["parser"] == "fake"
    worker.stop()
