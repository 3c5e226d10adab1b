"""What ``parsekit doctor`` finds out about RabbitMQ."""

from __future__ import annotations

import threading
import time
import uuid

from parsekit import Check
from parsekit_sinks_rabbitmq.channel import CHANNEL_ERRORS, CONNECT_ERRORS, ConfirmChannel
from parsekit_sinks_rabbitmq.errors import explain
from parsekit_sinks_rabbitmq.message import DeliveryStatus, Message
from parsekit_sinks_rabbitmq.settings import BrokerAddress, TransportSettings


def check_broker(settings: TransportSettings) -> list[Check]:
    """Connect, look for the analytics queue, and publish where nobody listens."""
    broker: BrokerAddress | None = None
    try:
        broker = settings.broker()
        channel = ConfirmChannel(broker, threading.Event())
    except CONNECT_ERRORS as exc:
        reason = explain(exc, broker)
        return [Check(name="rabbitmq", ok=False, detail=reason.text, advice=reason.advice)]
    try:
        connected = Check(name="rabbitmq", ok=True, detail=f"connected to {broker}")
        queue = _queue(channel, settings.analytics_queue, broker)
        return [connected, queue, _publish(channel, broker)]
    finally:
        channel.close()


def _queue(channel: ConfirmChannel, name: str, broker: BrokerAddress) -> Check:
    title = "rabbitmq analytics queue"
    try:
        there = channel.queue_exists(name)
    except CHANNEL_ERRORS as exc:
        reason = explain(exc, broker)
        return Check(name=title, ok=False, detail=reason.text, advice=reason.advice)
    state = "exists" if there else "does not exist yet; the first event declares it"
    return Check(name=title, ok=True, detail=f"{name!r} {state}")


def _publish(channel: ConfirmChannel, broker: BrokerAddress) -> Check:
    """Publish to a queue that can't exist: permission is shown and nothing is left behind."""
    title = "rabbitmq publish"
    probe = Message(
        kind="progress",
        queue=f"parsekit-doctor-{uuid.uuid4().hex}",
        body=b"{}",
        message_id=uuid.uuid4().hex,
        created_unix=time.time(),
        durable=False,
    )
    sent = channel.send([probe], declare=False)
    if sent.error is not None:
        reason = explain(sent.error, broker)
        return Check(name=title, ok=False, detail=reason.text, advice=reason.advice)
    status = sent.statuses[0]
    ok = status is DeliveryStatus.UNROUTABLE
    return Check(name=title, ok=ok, detail="publishing is confirmed" if ok else status.value)
