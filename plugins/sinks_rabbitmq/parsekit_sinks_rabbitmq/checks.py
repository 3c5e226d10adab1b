"""What ``parsekit doctor`` finds out about RabbitMQ."""

from __future__ import annotations

import threading
import time
import uuid

from parsekit import Check
from parsekit_sinks_rabbitmq.fate import Fate
from parsekit_sinks_rabbitmq.link import LINK_ERRORS, TROUBLES, Link
from parsekit_sinks_rabbitmq.message import Message
from parsekit_sinks_rabbitmq.settings import Broker, TransportSettings
from parsekit_sinks_rabbitmq.trouble import explain


def check_broker(settings: TransportSettings) -> list[Check]:
    """Connect, look for the analytics queue, and publish where nobody listens."""
    broker: Broker | None = None
    try:
        broker = settings.broker()
        link = Link(broker, threading.Event())
    except TROUBLES as exc:
        trouble = explain(exc, broker)
        return [Check(name="rabbitmq", ok=False, detail=trouble.text, advice=trouble.advice)]
    try:
        connected = Check(name="rabbitmq", ok=True, detail=f"connected to {broker}")
        return [connected, _queue(link, settings.analytics_queue, broker), _publish(link, broker)]
    finally:
        link.close()


def _queue(link: Link, name: str, broker: Broker) -> Check:
    title = "rabbitmq analytics queue"
    try:
        there = link.queue_exists(name)
    except LINK_ERRORS as exc:
        trouble = explain(exc, broker)
        return Check(name=title, ok=False, detail=trouble.text, advice=trouble.advice)
    state = "exists" if there else "does not exist yet; the first event declares it"
    return Check(name=title, ok=True, detail=f"{name!r} {state}")


def _publish(link: Link, broker: Broker) -> Check:
    """Publish to a queue that can't exist: permission is shown and nothing is left behind."""
    title = "rabbitmq publish"
    probe = Message(
        kind="progress",
        queue=f"parsekit-doctor-{uuid.uuid4().hex}",
        body=b"{}",
        message_id=uuid.uuid4().hex,
        told_unix=time.time(),
        keep=False,
    )
    sent = link.send([probe], declare=False)
    if sent.error is not None:
        trouble = explain(sent.error, broker)
        return Check(name=title, ok=False, detail=trouble.text, advice=trouble.advice)
    ok = sent.fates[0] is Fate.UNROUTABLE
    return Check(name=title, ok=ok, detail="publishing is confirmed" if ok else sent.fates[0].value)
