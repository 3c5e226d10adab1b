"""The shipped deployment over TLS, from end to end, with what ``make_secrets.py`` made.

RabbitMQ and SeaweedFS speak TLS themselves. The Valkey of PyPI is built without, so TLS is spoken
before it, with the certificate of compose.yaml: see `shipped.py`.
"""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
import urllib3
from celery import Celery
from kombu import Connection
from kombu.exceptions import OperationalError
from minio import Minio

from devkit.contract import Contract
from devkit.deployment import hang_up
from devkit.servers.tls_front import tls_front
from parsekit.storage.signing import Signer

from .shipped import Servers, ShippedRabbit, Side, run, strict

KEY, PROGRESS = "replays/a.replay", "progress-of-a"


@pytest.fixture(scope="module")
def objects(servers: Servers) -> Minio:
    """The store as a caller has it, with a client that is not ours."""
    return Minio(
        f"127.0.0.1:{servers.seaweedfs}",
        access_key=servers.secret("caller", "minio_access_key"),
        secret_key=servers.secret("caller", "minio_secret_key"),
        http_client=urllib3.PoolManager(ca_certs=str(servers.authority), timeout=10, retries=False),
    )


@pytest.fixture(scope="module")
def celery(servers: Servers) -> Iterator[Celery]:
    """A caller that knows nothing of parsekit, as docs/deployment.md tells it to connect."""
    url = f"{servers.secret('caller', 'celery_url')}&ssl_ca_certs={servers.authority}"
    app = Celery("caller", broker=url, backend=url)
    yield app
    hang_up(app)


@pytest.fixture(scope="module")
def answers(
    celery: Celery, objects: Minio, replay: Path, worker: subprocess.Popen[bytes]
) -> list[Mapping[str, Any]]:
    """To the same request twice."""
    objects.fput_object("replays", KEY, str(replay))
    kwargs = {"replayObjectPath": KEY, "progressQueue": PROGRESS}
    sent = ({"kwargs": kwargs, "queue": "replay-parse"} for _ in range(2))
    return [celery.send_task("parseReplay", **each).get(timeout=90) for each in sent]


def messages(servers: Servers, queue: str, count: int) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    with servers.link() as connection, closing(connection.SimpleQueue(queue)) as box:
        while len(found) < count:
            message = box.get(timeout=30)
            message.ack()
            found.append(json.loads(message.body))
    return found


def test_a_caller_gets_a_parse_and_then_the_stored_result(
    answers: list[Mapping[str, Any]],
) -> None:
    first, second = answers
    assert first["parser"] == "ballchasing"
    assert first["data"]
    assert second["outputPath"] == first["outputPath"]
    assert second["data"] == first["data"]


def test_the_stored_result_is_signed_with_the_key_that_workers_have(
    answers: list[Mapping[str, Any]], objects: Minio, servers: Servers
) -> None:
    with closing(objects.get_object("replays", answers[0]["outputPath"])) as reply:
        stored = json.loads(reply.read())
    signature = stored["provenance"].pop("signature")
    del stored["data"]  # stands for itself by its digest, which is signed
    key = servers.secret("worker", "provenance_key")
    assert Signer((key.encode(),)).verifies("parsekit result", stored, signature)
    assert not Signer((b"x" * 64,)).verifies("parsekit result", stored, signature)


def test_progress_and_analytics_arrive(
    answers: list[Mapping[str, Any]], servers: Servers, contract: Contract
) -> None:
    progress, analytics = messages(servers, PROGRESS, 3), messages(servers, "analytics", 2)
    contract.check("result", answers)
    contract.check("progress", progress)
    contract.check("analytics", analytics)
    assert progress[0]["progress"]["message"] == "Task started..."
    parsed, cached = analytics
    assert parsed != cached
    assert ["parser", "ballchasing"] in parsed["data"]["tags"]


def test_celery_node_connects_as_it_is_told_to(
    answers: list[Mapping[str, Any]], celery_node: Path, servers: Servers
) -> None:
    url = f"{servers.secret('caller', 'celery_url')}&username=caller"
    request = json.dumps({"replayObjectPath": KEY})
    trusting = {**os.environ, "NODE_EXTRA_CA_CERTS": str(servers.authority)}
    command = ["node", "call.js", url, url, "replay-parse", request, "60000"]
    answer = json.loads(run(command, cwd=celery_node, env=trusting).splitlines()[-1])
    assert answer["value"]["outputPath"] == answers[0]["outputPath"]


def test_doctor_finds_every_connection_encrypted_and_results_signed(
    worker_side: Side, servers: Servers
) -> None:
    """With the addresses as they are shipped: nothing is connected to."""
    shipped = {
        key: value for key, value in worker_side.environ.items() if key not in servers.environ
    }
    done = replace(worker_side, environ=shipped).run("doctor", "--security", "--format", "json")
    findings = {check["name"]: check for check in json.loads(done.stdout)}
    assert findings["tls transport.url"]["detail"] == "amqps://rabbitmq"
    assert findings["tls minio.hostname"]["detail"] == "https://seaweedfs"
    assert findings["tls celery.broker"]["detail"].startswith("rediss://")
    assert findings["tls celery.backend"]["detail"].startswith("rediss://")
    judged = [check["ok"] for name, check in findings.items() if name.startswith(("tls", "signed"))]
    assert len(judged) >= 5
    assert all(judged)


def test_no_port_answers_without_tls(servers: Servers, rabbitmq_of_compose: ShippedRabbit) -> None:
    """But RabbitMQ's for other nodes, which knows them by their cookie, and are not used."""
    told = rabbitmq_of_compose.tool("rabbitmq-diagnostics", "listeners", "--formatter", "json")
    listeners = {(each["protocol"], each["port"]) for each in json.loads(told)["listeners"]}
    assert [port for protocol, port in listeners if protocol != "clustering"] == [servers.rabbitmq]
    url = servers.secret("caller", "rabbitmq_url").replace("amqps", "amqp")
    with pytest.raises(OperationalError), Connection(url) as plain:
        plain.ensure_connection(max_retries=1, timeout=5)
    reply = requests.get(f"http://127.0.0.1:{servers.seaweedfs}/healthz", timeout=10)
    assert reply.status_code == 400


def test_the_inner_port_of_the_store_asks_for_a_certificate_that_nobody_has(
    servers: Servers,
) -> None:
    context = strict(servers.authority)
    with (
        socket.create_connection(("127.0.0.1", servers.seaweedfs_grpc), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="seaweedfs") as inner,
        pytest.raises(ssl.SSLError, match="certificate required"),
    ):
        inner.recv(1)


def test_the_health_check_of_rabbitmq_is_content(
    rabbitmq_of_compose: ShippedRabbit, compose: Mapping[str, Any]
) -> None:
    _, *command = compose["services"]["rabbitmq"]["healthcheck"]["test"]
    said = rabbitmq_of_compose.tool(*command)
    assert "Successfully connected" in said
    assert str(rabbitmq_of_compose.tls_port) in said


@pytest.mark.parametrize("server", ["valkey", "rabbitmq", "seaweedfs"])
def test_a_server_that_another_authority_speaks_for_is_told_nothing(
    server: str, servers: Servers, secrets_of_others: Path, side: Callable[..., Side]
) -> None:
    """Not even a password. With a certificate of our own, the same is talked to."""
    told, said = {}, {}
    for secrets in (servers.secrets, secrets_of_others):
        pair = (secrets / f"servers/{server}.{end}" for end in ("pem", "key"))
        with tls_front(*pair, getattr(servers, server)) as front:
            place = side("worker", replace(servers, **{server: front.port}))
            said[secrets] = place.run("doctor").stdout
            told[secrets] = front.received_bytes
    assert told[servers.secrets] > 0
    assert told[secrets_of_others] == 0
    assert "certificate" in said[secrets_of_others]
