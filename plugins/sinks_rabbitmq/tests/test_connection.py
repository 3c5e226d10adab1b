"""The connection itself: kept alive, missed when it is dead, and not asked for all the time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devkit.servers.process import free_port
from devkit.servers.proxy import FaultProxy, Freeze
from parsekit import JsonObject
from parsekit.testing.sinks import outcome_of
from parsekit_sinks_rabbitmq import channel, sender
from parsekit_sinks_rabbitmq.message import DeliveryStatus

from .conftest import Sinks, until
from .test_queues import message

#: RabbitMQ closes a connection that was silent for two of these.
BEAT_S = 1


@pytest.fixture
def idle(detour: JsonObject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sinks]:
    """Sinks that have sent all, and whose heart beats fast."""
    monkeypatch.setattr(channel, "HEARTBEAT_S", BEAT_S)
    monkeypatch.setattr(sender, "IDLE_S", BEAT_S / 4)
    sinks = Sinks({"transport": detour}, tmp_path)
    sinks.task(outcome_of("t"), sinks.queue)
    sinks.settle()
    yield sinks
    sinks.close(0)


def test_an_idle_connection_stays(idle: Sinks, proxy: FaultProxy) -> None:
    time.sleep(5 * BEAT_S)
    assert idle.counts().connected
    idle.task(outcome_of("later"), idle.queue)
    assert idle.settle().progress.dropped == {}
    assert proxy.connections == 1


def test_an_idle_connection_that_is_dead_is_missed(idle: Sinks, proxy: FaultProxy) -> None:
    proxy.set(Freeze())
    until(lambda: not idle.counts().connected, "the silence to be noticed")
    proxy.heal()
    idle.task(outcome_of("later"), idle.queue)
    assert idle.settle().progress.dropped == {}


def test_a_broker_that_is_away_is_left_alone_for_longer_and_longer(
    transport: JsonObject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts: list[float] = []

    class Counted(channel.ConfirmChannel):
        def __init__(self, *given: Any) -> None:
            attempts.append(time.monotonic())
            super().__init__(*given)

    monkeypatch.setattr(channel, "ConfirmChannel", Counted)
    url = f"amqp://127.0.0.1:{free_port()}"
    sinks = Sinks({"transport": {**transport, "url": url}}, tmp_path)
    end = time.monotonic() + 3
    while time.monotonic() < end:
        sinks.task(outcome_of("t"), sinks.queue)
        time.sleep(0.01)
    sinks.close(0)
    # Pauses of a quarter of a second, a half, one and two, each up to half as long.
    assert 2 <= len(attempts) <= 7


def test_steps_are_not_sent_again_where_they_would_come_after_what_was_sent_behind_them() -> None:
    """As after a queue that somebody else made in the middle of a batch."""
    routed, unrouted = DeliveryStatus.CONFIRMED, DeliveryStatus.UNROUTABLE
    batch = [message("1"), message("2", queue="other"), message("3"), message("E", durable=True)]
    assert channel.to_send_again(
        batch, dict(enumerate([unrouted, unrouted, routed, unrouted]))
    ) == [1, 3]
    assert channel.to_send_again(
        batch, dict(enumerate([unrouted, unrouted, unrouted, routed]))
    ) == [1]
    ends = [message("E", durable=True), message("F")]
    assert channel.to_send_again(ends, {0: unrouted, 1: routed}) == [0]
