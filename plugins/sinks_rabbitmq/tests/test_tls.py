"""TLS: whom we trust, under which name, and who we are."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from devkit.servers.rabbitmq import RabbitServer
from parsekit import JsonObject
from parsekit.errors import ConfigInvalid
from parsekit.testing.sinks import LONGEST_CALL_S, believable_body, outcome_of
from parsekit_sinks_rabbitmq.checks import check_broker
from parsekit_sinks_rabbitmq.settings import TransportSettings

from .conftest import Caller, Certificates, Sinks, openssl, until


@pytest.fixture
def secure(broker: RabbitServer, transport: JsonObject, certificates: Certificates) -> JsonObject:
    """A transport that the broker accepts."""
    return {
        **transport,
        "url": broker.tls_url("localhost"),
        "ca_file": str(certificates.file("ca.pem")),
        "certificate_file": str(certificates.file("client.pem")),
        "key_file": str(certificates.file("client.key")),
    }


def test_with_the_right_authority_name_and_client_certificate_messages_arrive(
    secure: JsonObject, broker: RabbitServer, tmp_path: Path
) -> None:
    sinks = Sinks({"transport": secure}, tmp_path)
    told = sinks.task(outcome_of("secret"), sinks.queue)
    with Caller(broker, sinks.queue) as caller:
        assert caller.read(3) == told[:3]
    sinks.close()


def test_large_results_go_through_tls(
    secure: JsonObject, broker: RabbitServer, tmp_path: Path
) -> None:
    sinks = Sinks({"transport": secure}, tmp_path)
    for number in range(5):
        sinks.task(outcome_of(f"large-{number}", data=believable_body("x" * 10**6)), sinks.queue)
    with Caller(broker, sinks.queue) as caller:
        assert len(caller.read(15)) == 15
    sinks.close()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"url": "127.0.0.1"}, "is not trusted: IP address mismatch"),
        ({"ca_file": "stranger.pem"}, "is not trusted: "),
        ({"ca_file": None}, "is not trusted: "),
        ({"certificate_file": None, "key_file": None}, "localhost"),
        ({"certificate_file": "intruder.pem", "key_file": "intruder.key"}, "localhost"),
    ],
    ids=["wrong host", "stranger", "system's", "no client", "intruder"],
)
def test_a_wrong_certificate_sends_nothing_and_says_why(
    secure: JsonObject,
    change: JsonObject,
    words: str,
    broker: RabbitServer,
    certificates: Certificates,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for key, value in change.items():
        if value is None:
            del secure[key]
        else:
            secure[key] = broker.tls_url(value) if key == "url" else str(certificates.file(value))
    sinks = Sinks({"transport": secure}, tmp_path)
    sinks.task(outcome_of("secret"), sinks.queue)
    until(lambda: "progress waits" in caplog.text, "a word about the failure")
    assert words in caplog.text
    assert sinks.counts().progress.sent == 0
    assert sinks.added_s < LONGEST_CALL_S
    sinks.close(0)


@pytest.mark.parametrize(
    ("change", "words", "advice"),
    [
        ({"ca_file": "absent.pem"}, "transport.ca_file: can't read '{}': no such", "name a PEM"),
        ({"ca_file": ""}, "transport.ca_file: can't read '{}': is a directory", "name a PEM"),
        ({"ca_file": "ca.key"}, "transport.ca_file: {} holds no certificate", "name a PEM"),
        ({"certificate_file": "absent.pem"}, "transport.certificate_file: can't read '{}'", "name"),
        ({"certificate_file": "san"}, "transport.certificate_file: {} holds no", "name a PEM"),
        ({"key_file": None}, "transport.certificate_file: ", "name the PEM file of its key"),
        ({"key_file": "absent.key"}, "transport.key_file: can't read '{}': no such", "name a PEM"),
        ({"key_file": "server.key"}, "transport.key_file: {} holds no key", "name the PEM file"),
        ({"key_file": "locked.key"}, "transport.key_file: the key in {} is encrypted", "openssl"),
    ],
)
def test_a_file_that_can_not_be_used_is_named_and_nobody_is_asked(
    change: JsonObject, words: str, advice: str, certificates: Certificates
) -> None:
    openssl(certificates.folder, "pkcs8 -topk8 -in client.key -passout pass:x -out locked.key")
    names = {"certificate_file": "client.pem", "key_file": "client.key", **change}
    files = {key: certificates.file(name) for key, name in names.items() if name is not None}
    settings = TransportSettings(url=SecretStr("amqps://localhost:1"), **files)
    (line,) = check_broker(settings)
    assert line.ok is False
    assert line.detail.startswith(words.format(*(files[key] for key in change if key in files)))
    assert advice in line.advice


def test_a_file_that_can_not_be_used_is_logged_with_its_key(
    certificates: Certificates, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    transport = {"url": "amqps://localhost:1", "ca_file": str(certificates.file("absent.pem"))}
    sinks = Sinks({"transport": {**transport, "analytics_queue": "a"}}, tmp_path)
    sinks.task(outcome_of("secret"), sinks.queue)
    until(lambda: "progress waits" in caplog.text, "a word about the failure")
    assert f"transport.ca_file: can't read '{certificates.file('absent.pem')}'" in caplog.text
    sinks.close(0)


def test_a_frozen_broker_does_not_hold_the_handshake(
    secure: JsonObject, broker: RabbitServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broker.freeze()
    sinks = Sinks({"transport": secure}, tmp_path)
    told = sinks.task(outcome_of("patient"), sinks.queue)
    until(lambda: "does not answer" in caplog.text, "the handshake to be given up")
    broker.thaw()
    with Caller(broker, sinks.queue) as caller:
        assert caller.read(3) == told[:3]
    sinks.close()


@pytest.mark.parametrize(
    ("transport", "words"),
    [
        ({"url": "amqp://h", "ca_file": "ca.pem"}, "does not begin with amqps"),
        ({"url": "amqps://h", "key_file": "k.pem"}, "name certificate_file too"),
    ],
)
def test_half_a_tls_configuration_is_refused(
    transport: JsonObject, words: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigInvalid, match=words):
        Sinks({"transport": {"analytics_queue": "a", **transport}}, tmp_path)
