"""What happens when a worker starts and ends, whoever started it."""

from __future__ import annotations

import logging
import os
import threading
from typing import Any

from celery import Celery, bootsteps, signals
from kombu.transport import TRANSPORT_ALIASES

from parsekit.worker.amqp_transport import Channel
from parsekit.worker.celery_settings import SHUTDOWN_SECONDS, worker_transport_options
from parsekit.worker.service import service

log = logging.getLogger(__name__)

_TRANSPORTS = {
    "redis": "parsekit.worker.redis_transport:Transport",
    "rediss": "parsekit.worker.redis_transport:Transport",
    "amqp": "parsekit.worker.amqp_transport:Transport",
    "pyamqp": "parsekit.worker.amqp_transport:Transport",
    "amqps": "parsekit.worker.amqp_transport:TlsTransport",
}

#: Celery stops by itself when its tasks end in time; what is left then is for giving back.
_GIVE_UP_SECONDS = SHUTDOWN_SECONDS - 7


def install(app: Celery) -> None:
    """Hook into the life of workers of this application."""
    app.steps["worker"].add(ProcessStep)
    signals.celeryd_init.connect(_on_init, weak=False)
    signals.worker_process_init.connect(_on_child, weak=False)
    signals.worker_process_shutdown.connect(_on_end, weak=False)
    signals.worker_shutting_down.connect(_on_shutting_down, weak=False)
    signals.worker_shutdown.connect(_on_end, weak=False)


def _on_init(**_: Any) -> None:
    """Take messages safely; kombu goes by the URL's scheme, so that gets another transport."""
    TRANSPORT_ALIASES.update(_TRANSPORTS)


class ProcessStep(bootsteps.StartStopStep):
    """What this process shares with others: a name, and signs of life."""

    requires = ("celery.worker.components:Pool",)

    def create(self, parent: Any) -> None:
        """Take messages under this process's own name, back-fills with fewer slots."""
        at, concurrency = service.addresses, parent.concurrency
        if at.redis_broker:
            options = worker_transport_options(at, service.process.member_id, concurrency)
            parent.app.conf.broker_transport_options = options
        else:
            Channel.bulk_queue, Channel.bulk_slots = at.bulk_queue, max(1, concurrency // 2)

    def start(self, parent: Any) -> None:
        """Be seen before the first message is taken; the pool's children are forked by now."""
        del parent
        service.process.start()


def _on_child(**_: Any) -> None:
    service.after_fork()
    service.process.start()


def _on_end(**_: Any) -> None:
    """Called last, when nothing is consumed any more and running tasks have ended."""
    service.process.stop()


def _on_shutting_down(**_: Any) -> None:
    timer = threading.Timer(_GIVE_UP_SECONDS, _give_up)
    timer.daemon = True
    timer.start()


def _give_up() -> None:
    """End with tasks still running: their messages go back, another worker goes on."""
    log.warning("tasks still run after %g s; giving them back", _GIVE_UP_SECONDS)
    service.process.give_up()
    os._exit(0)
