"""Every address that somebody writes for a broker is mapped, or refused with what to write."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsekit.config.server_url import canonical


@pytest.mark.parametrize(
    ("written", "known_as"),
    [
        ("redis://h", "redis://h"),
        ("redis://h:6379/3", "redis://h:6379/3"),
        ("Redis://:p%40ss@h:6379/3", "redis://:p%40ss@h:6379/3"),
        (" redis://h:6379/3\n", "redis://h:6379/3"),
        ("valkey://ann:pass@h:6379/3", "redis://ann:pass@h:6379/3"),
        ("valkeys://h", "rediss://h"),
        ("redis://h?db=2", "redis://h/2"),
        ("redis://h/2?db=2", "redis://h/2"),
        ("unix:///run/v.sock", "redis+socket:///run/v.sock"),
        ("unix://ann:pass@/run/v.sock?db=2", "redis+socket://ann:pass@/run/v.sock?virtual_host=2"),
        ("socket:///run/v.sock", "redis+socket:///run/v.sock"),
        ("redis+socket:///run/v.sock?virtual_host=1", "redis+socket:///run/v.sock?virtual_host=1"),
        ("rediss://h/0?ssl_cert_reqs=CERT_NONE", "rediss://h/0?ssl_cert_reqs=CERT_NONE"),
        ("amqp://", "amqp://"),
        ("amqp://ann:pass@[::1]:5672//", "amqp://ann:pass@[::1]:5672//"),
        ("amqps://a/v;amqps://b/v", "amqps://a/v;amqps://b/v"),
        ("amqp://a/v; amqp://b/v;", "amqp://a/v;amqp://b/v"),
        ("pyamqp://h/v", "pyamqp://h/v"),
    ],
)
def test_an_address_is_known_by_one_form(written: str, known_as: str) -> None:
    assert canonical(written) == known_as


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        ("http://x", "does not speak; write redis://host:6379/0"),
        ("mongodb://one:27017,two:27017/results", "does not speak; write redis://host"),
        ("sqs://", "does not speak; write redis://host"),
        ("memory://", "does not speak; write redis://host"),
        ("kombu.transport.redis:Transport://h", "does not speak; write redis://host"),
        ("reddis://h", "did you mean redis://?"),
        ("ampq://h", "did you mean amqp://?"),
        ("rabbitmq://h", "did you mean amqp://?"),
        ("librabbitmq://h", "did you mean amqp://?"),
        ("sentinel://h:26379/0", "means Redis Sentinel, which"),
        ("sentinel://one:26379;sentinel://two:26379", "means Redis Sentinel, which"),
        ("redis+sentinel://h:26379/0", "means Redis Sentinel, which"),
        ("redis+cluster://h", "means a Redis Cluster, whose"),
        ("redis://a/0;redis://b/0", "names several servers"),
        ("redis://a:6379,b:6379/0", "names several hosts"),
        ("amqp://a;redis://b", "names several servers"),
        ("amqp://a;amqps://b", "mixes amqp and amqps"),
        ("amqp://a;b", "no usable address"),
        ("redis://h/x", "a database that is no number"),
        ("redis://h/-1", "a database that is no number"),
        ("redis://h/1?db=2", "names two databases"),
        ("redis://h/3?socket_timeout=10", "has the option socket_timeout, which is not read"),
        ("redis://h/0?ssl_cert_reqs=required", "use rediss:// for it"),
        ("rediss://h/0?ssl_cert_reqs=maybe", "no usable ssl_cert_reqs; write required or"),
        ("rediss://h/0?ssl_ca_certs=/no/such.pem", "names a file as ssl_ca_certs that is not"),
        ("amqp://h/v?heartbeat=10", "has the option heartbeat, which is not read"),
        ("unix://run/v.sock", "with three slashes"),
        ("redis+socket://", "names no socket"),
        ("redis://h/0#x", "no usable address"),
        ("redis://h /0", "no usable address"),
        ("redis://h:0x1", "no usable address"),
        ("", "no usable address"),
        (";", "no usable address"),
    ],
)
def test_what_no_client_takes_is_refused_with_what_to_write(written: str, instead: str) -> None:
    with pytest.raises(ValueError, match=r"^(is no|has|names|means|mixes) ") as caught:
        canonical(written)
    assert instead in str(caught.value)


PASSWORDS = st.text("Zq8:/?#@[]%&=;. ", min_size=6, max_size=12).map("Sw0rd".__add__)


@given(
    st.sampled_from(["redis", "rediss", "amqp", "unix", "sentinel", "http", "valkey"]),
    PASSWORDS,
    st.sampled_from(
        ["://{}", "://:{}@h/0", "://ann:{}@h", "://h/{}", "://h?{}=1", "://a;{}", "{}"]
    ),
)
@settings(max_examples=300, derandomize=True, deadline=None)
def test_no_refusal_repeats_a_part_of_an_address(scheme: str, password: str, form: str) -> None:
    assert "w0rd" not in refusal(scheme + form.format(password))


def refusal(written: str) -> str:
    """What is said of this address; nothing of one that is taken."""
    try:
        canonical(written)
    except ValueError as exc:
        return str(exc)
    return ""
