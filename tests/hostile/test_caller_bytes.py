"""A caller may write any bytes: none keeps a worker busy, fills its memory, or ends it."""

from __future__ import annotations

import bz2
import json
import struct
import uuid

import amqp
import pytest
from kombu import Connection

from devkit.deployment import poll

from .test_caller import GOOD, answer, nothing_in_hand, say, serves


@pytest.mark.parametrize("codec", ["bzip2", "gzip", "lzma"])
def test_nothing_that_a_caller_has_packed_is_unpacked(broker, codec):
    """A kilobyte was a gigabyte in the worker before its size was looked at."""
    broker.worker("--concurrency", "1").ready()
    broker.replay("one")
    task_id = str(uuid.uuid4())
    bomb = bz2.compress(bytes(32 << 20)).decode("latin-1")
    say(broker, {"headers": {"compression": codec}, "body": bomb}, task_id)
    result = poll(lambda: answer(broker, task_id))["result"]
    assert result["code"] == "bad_request"
    assert "is compressed" in result["message"]
    assert serves(broker)


def test_a_body_is_not_decoded_with_the_codec_of_its_sender(broker):
    """Python needs a quarter of an hour for this one, and a worker does nothing else meanwhile."""
    broker.worker("--concurrency", "1").ready()
    broker.replay("one")
    slow = f"{'a' * 500_000}-{'b' * 500_000}"
    for kind in ("application/data", "application/json", "application/text"):
        task_id = str(uuid.uuid4())
        facts = {"content-type": kind, "content-encoding": "punycode", "body": slow}
        say(broker, facts, task_id)
        assert poll(lambda task_id=task_id: answer(broker, task_id))["status"] == "FAILURE"
    assert serves(broker)


def field(name: bytes, kind: bytes, value: bytes) -> bytes:
    """A header as AMQP writes it."""
    return struct.pack("B", len(name)) + name + kind + value


def long_text(value: bytes) -> bytes:
    return struct.pack(">I", len(value)) + value


def nested(levels: int) -> bytes:
    value = b""
    for _ in range(levels):
        value = b"A" + long_text(value)
    return value


#: Properties that RabbitMQ passes on, and Python can't hold: flags, then what these announce.
UNHOLDABLE = {
    "a date after the calendar's end": (0x2000, field(b"h", b"T", b"\xff" * 8)),
    "a date of the year 36812": (0x2000, field(b"h", b"T", struct.pack(">Q", 1 << 40))),
    "lists in lists": (0x2000, field(b"h", b"", nested(3000))),
    "a type that is no text": (0x8000, b"\x02\xff\xfe"),
    "an encoding that is no text": (0x4000, b"\x02\xff\xfe"),
    "an address that is no text": (0x0200, b"\x02\xff\xfe"),
    "a name that is no text": (0x2000, field(b"\xff\xfe", b"S", long_text(b"x"))),
    "a text that is none": (0x2000, field(b"id", b"S", long_text(b"\xff\xfe"))),
    "a small number": (0x2000, field(b"h", b"D", b"\xff" + struct.pack(">i", 7))),
}


def publish(service, flags: int, properties: bytes, **to: str) -> None:
    """Send a message with these very properties."""
    headers = long_text(properties) if flags == 0x2000 else properties
    message = amqp.Message(json.dumps(GOOD))
    message._serialize_properties = lambda: struct.pack(">H", flags) + headers
    with Connection(service.config["celery"]["broker"]) as connection:
        connection.default_channel.basic_publish(message, **to)


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_properties_that_python_can_not_hold_end_no_worker(rabbit_service, pool):
    """py-amqp raised, the worker ended, and the next one got the message."""
    service = rabbit_service
    worker = service.worker("--pool", pool, "--concurrency", "1").ready()
    service.replay("one")
    for flags, properties in UNHOLDABLE.values():
        publish(service, flags, properties, exchange="", routing_key=service.queue)
    assert serves(service)
    assert worker.process.poll() is None
    assert nothing_in_hand(service, None)


def test_a_routing_key_that_is_no_text_ends_no_worker(rabbit_service):
    service = rabbit_service
    worker = service.worker("--concurrency", "1").ready()
    service.replay("one")
    with Connection(service.config["celery"]["broker"]) as connection:
        connection.default_channel.queue_bind(service.queue, "amq.fanout")
        connection.default_channel.basic_publish(
            amqp.Message(json.dumps(GOOD)), "amq.fanout", b"\xff\xfe"
        )
    assert serves(service)
    assert worker.process.poll() is None
    assert nothing_in_hand(service, None)
