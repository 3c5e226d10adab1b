"""TLS: whom we trust, under which name, and who we are."""

from __future__ import annotations

from pathlib import Path

import pytest

from parsekit import JsonObject
from parsekit.errors import ConfigInvalid
from parsekit.testing.servers.rabbitmq import RabbitServer
from parsekit.testing.sinks import LONGEST_CALL_S, believable_body, outcome_of

from .conftest import Caller, Certificates, Sinks, until


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
        ({"ca_file": "absent.pem"}, "no such file"),
    ],
    ids=["wrong host", "stranger", "system's", "no client", "intruder", "no file"],
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
