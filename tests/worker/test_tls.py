"""Over TLS the service trusts the authority that it is told to, and only the host that it asked."""

from __future__ import annotations

import json
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from kombu import Connection

from devkit.servers.rabbitmq import RabbitServer, Tls
from devkit.servers.rabbitmq import rabbitmq as run_rabbitmq
from devkit.servers.tls_front import tls_front
from parsekit.client.checks import service_checks
from parsekit.config import CelerySettings, load_config
from parsekit.errors import ConfigInvalid, StorageUnavailable
from parsekit.providers import Check
from parsekit.worker.addresses import Addresses
from parsekit.worker.amqp.link import AmqpLink
from parsekit.worker.celery_settings import task_queues
from parsekit.worker.monitoring.queue_stats import AmqpQueues
from parsekit.worker.redis.plain import open_plain


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority and a stranger's, a server for localhost and one for another name, a client."""
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("ca", "stranger"):
        openssl(folder, f"req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={name} "
                        f"-keyout {name}.key -out {name}.pem")  # fmt: skip
    for name, host in (("server", "localhost"), ("elsewhere", "elsewhere.test"), ("client", "us")):
        (folder / "san").write_text(f"subjectAltName=DNS:{host}")
        openssl(folder, f"req -newkey rsa:2048 -nodes -subj /CN={host} "
                        f"-keyout {name}.key -out {name}.csr")  # fmt: skip
        openssl(folder, f"x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial "
                        f"-days 2 -extfile san -out {name}.pem")  # fmt: skip
    return folder


def openssl(folder: Path, arguments: str) -> None:
    subprocess.run(["openssl", *arguments.split()], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def front(certificates: Path, redis_server) -> Iterator[Callable[..., str]]:
    """Makes an address at which the Redis speaks TLS, with the certificate of that name."""
    with ExitStack() as stack:

        def make(name: str = "server", *, ask_client: bool = False) -> str:
            authority = certificates / "ca.pem" if ask_client else None
            pair = (certificates / f"{name}.pem", certificates / f"{name}.key")
            one = tls_front(*pair, redis_server.port, client_authority=authority)
            return f"rediss://localhost:{stack.enter_context(one).port}/0"

        yield make


@pytest.fixture(scope="session")
def rabbit(
    rabbitmq_installed: None, certificates: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], RabbitServer]]:
    tls = Tls(
        certificate=certificates / "server.pem",
        key=certificates / "server.key",
        ca=certificates / "ca.pem",
    )
    with run_rabbitmq(tmp_path_factory.mktemp("tls"), tls=tls) as server:
        yield lambda: server


def broker_check(folder: Path, **celery: Any) -> Check:
    file = folder / "parsekit.json"
    celery = {"backend": "redis://localhost", **celery}
    file.write_text(json.dumps({"celery": {key: str(value) for key, value in celery.items()}}))
    checks = dict(service_checks(load_config(file, environ={})))
    check, *_queues = checks["broker"]()
    return check


def test_redis_with_the_right_authority_and_host_is_trusted(front, certificates, tmp_path):
    check = broker_check(tmp_path, broker=front(), ca_file=certificates / "ca.pem")
    assert check.ok, check.detail


@pytest.mark.parametrize(
    ("certificate", "authority"), [("server", "stranger"), ("elsewhere", "ca"), ("server", None)]
)
def test_redis_of_a_stranger_is_refused(front, certificates, tmp_path, certificate, authority):
    trusted = {"ca_file": certificates / f"{authority}.pem"} if authority else {}
    check = broker_check(tmp_path, broker=front(certificate), **trusted)
    assert check.ok is False
    assert "certificate verify failed" in check.detail.lower()


def test_redis_sees_our_certificate(front, certificates, tmp_path):
    trusted = {"broker": front(ask_client=True), "ca_file": certificates / "ca.pem"}
    assert broker_check(tmp_path, **trusted).ok is False
    ours = {name: certificates / f"client.{end}" for name, end in
            (("certificate_file", "pem"), ("key_file", "key"))}  # fmt: skip
    assert broker_check(tmp_path, **trusted, **ours).ok


def test_top_trusts_only_the_right_authority_and_host(front, certificates):
    """It speaks TLS itself, without redis-py."""

    def asked(certificate: str, authority: str) -> list[Any]:
        celery = CelerySettings(broker=front(certificate), ca_file=certificates / authority)
        with open_plain(celery.backend_url or "") as client:
            return client.ask(("PING",))

    assert asked("server", "ca.pem") == [b"PONG"]
    for certificate, authority in (("server", "stranger.pem"), ("elsewhere", "ca.pem")):
        with pytest.raises(ssl.SSLCertVerificationError):
            asked(certificate, authority)


def test_top_shows_our_certificate_to_a_redis(front, certificates):
    url = front(ask_client=True)
    ours = {
        "certificate_file": certificates / "client.pem",
        "key_file": certificates / "client.key",
    }
    celery = CelerySettings(broker=url, ca_file=certificates / "ca.pem", **ours)
    with open_plain(celery.backend_url or "") as client:
        assert client.ask(("PING",)) == [b"PONG"]


def test_what_the_address_says_itself_stands():
    said = "rediss://h/0?ssl_cert_reqs=none"
    assert CelerySettings(broker=said).broker_url == said
    assert CelerySettings(broker="redis://h/0").broker_url == "redis://h/0"
    assert (
        CelerySettings(broker="rediss://h/0").backend_url == "rediss://h/0?ssl_cert_reqs=required"
    )


@pytest.mark.parametrize(
    ("celery", "words"),
    [
        ({"ca_file": "/nowhere/ca.pem"}, "celery.ca_file: there is no file /nowhere/ca.pem"),
        ({"certificate_file": __file__}, "certificate_file and key_file go together"),
    ],
)
def test_files_that_are_not_there_are_named_at_once(tmp_path, celery, words):
    with pytest.raises(ConfigInvalid) as caught:
        broker_check(tmp_path, broker="rediss://h", **celery)
    assert words in caught.value.message


@pytest.mark.parametrize("scheme", ["rediss", "amqps"])
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ca_file": "server.csr"}, "celery.ca_file: {} holds no certificate that can be read"),
        ({"key_file": "server.key"}, "celery.key_file: {} holds no key that can be used"),
        ({"key_file": "encrypted.key"}, "celery.key_file: the key in {} is encrypted"),
    ],
)
def test_files_that_hold_something_else_are_named_and_nobody_is_asked(
    certificates, tmp_path, scheme, change, words
):
    openssl(certificates, "pkcs8 -topk8 -in client.key -passout pass:x -out encrypted.key")
    names = {"certificate_file": "client.pem", "key_file": "client.key", **change}
    files = {key: certificates / name for key, name in names.items()}
    with pytest.raises(ConfigInvalid) as caught:
        broker_check(tmp_path, broker=f"{scheme}://localhost:1", **files)
    assert words.format(*(files[key] for key in change)) in caught.value.message


def test_files_for_tls_that_nobody_uses_are_in_nobody_s_way(certificates, tmp_path):
    unread = {"ca_file": certificates / "server.csr"}
    assert "server.csr" not in broker_check(tmp_path, broker="redis://localhost:1", **unread).detail


def test_the_whole_service_works_over_tls_redis(
    front, certificates, make_service, redis_server, redis_client
):
    celery = {"broker": front(), "ca_file": str(certificates / "ca.pem")}
    service = make_service({"celery": celery})
    works(service, redis_server.url())


def works(service, plain_url: str, results_url: str | None = None) -> None:
    """A caller without TLS reaches the same servers by their plain ports."""
    service.caller.conf.update(broker_url=plain_url, result_backend=results_url or plain_url)
    service.worker().ready()
    answer = service.send(service.replay("one")).get(timeout=60)
    assert answer["parser"] == "fake"


def test_rabbitmq_with_the_right_authority_and_host_is_trusted(rabbit, certificates, tmp_path):
    check = broker_check(tmp_path, broker=rabbit().tls_url("localhost"),
                         ca_file=certificates / "ca.pem")  # fmt: skip
    assert check.ok, check.detail


@pytest.mark.parametrize(("host", "authority"), [("localhost", "stranger"), ("127.0.0.1", "ca")])
def test_rabbitmq_of_a_stranger_is_refused(rabbit, certificates, tmp_path, host, authority):
    trusted = {"broker": rabbit().tls_url(host), "ca_file": certificates / f"{authority}.pem"}
    check = broker_check(tmp_path, **trusted)
    assert check.ok is False
    assert "certificate verify failed" in check.detail.lower()
    at = Addresses.of(load_config(tmp_path / "parsekit.json", environ={}))
    with pytest.raises(StorageUnavailable, match="certificate verify failed"):
        AmqpLink(at.broker, at.broker_tls).use(lambda _channel: None)


def test_the_whole_service_works_over_tls_rabbitmq(
    rabbit, front, certificates, make_service, redis_server, redis_client
):
    celery = {
        "broker": rabbit().tls_url("localhost"),
        "backend": front(),
        "ca_file": str(certificates / "ca.pem"),
    }
    works(make_service({"celery": celery}), rabbit().url(), redis_server.url())


def test_what_is_told_of_queues_goes_over_tls_too(rabbit, front, certificates, tmp_path):
    celery = {
        "broker": rabbit().tls_url("localhost"),
        "backend": front(),
        "ca_file": str(certificates / "ca.pem"),
    }
    file = tmp_path / "parsekit.json"
    file.write_text(json.dumps({"celery": celery}))
    at = Addresses.of(load_config(file, environ={}))
    with Connection(rabbit().url()) as connection:
        for queue in task_queues(at):
            queue(connection.channel()).declare()
    assert at.queue in AmqpQueues(at).sample().messages
