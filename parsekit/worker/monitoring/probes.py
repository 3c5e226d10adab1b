"""Ask the real servers whether they answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from parsekit.config.redis_address import is_redis
from parsekit.worker.amqp.link import AmqpLink
from parsekit.worker.redis.client import connect
from parsekit.worker.tls import AmqpTls

if TYPE_CHECKING:
    from parsekit.providers import Storage
    from parsekit.worker.process import Service

#: A result that nobody has: to be told so takes a whole round trip to the storage. It is looked for
#: where results are, as a worker may read nothing else but replays.
_NOBODYS = "parsekit-probe"

#: Asks one server; raises when it does not answer.
Probe = Callable[[], object]


def probes(service: Service) -> dict[str, Probe]:
    """A question to each server that is asked by the process which consumes."""
    at = service.addresses
    asked: dict[str, Probe] = {"broker": _ping(at.broker, at.broker_tls)}
    if at.backend != at.broker:
        asked["results"] = connect(at.backend).ping
    return asked


def storage_probe(service: Service) -> Probe:
    """The question to the storage, for a process that runs tasks."""
    return lambda: _look(service.process.pipeline.storage)


def reason_of_silence(ask: Probe) -> str:
    """Why it does not answer, "" when it does."""
    try:
        ask()
    except Exception as exc:  # noqa: BLE001  (a probe may fail with any client's error)
        text = " ".join(str(exc).split())
        return (text or type(exc).__name__)[:200]
    return ""


def _look(storage: Storage) -> None:
    storage.read("/".join(part for part in (storage.results_prefix, _NOBODYS) if part))


def _ping(url: str, tls: AmqpTls) -> Probe:
    if is_redis(url):
        return connect(url).ping
    link = AmqpLink(url, tls)
    return lambda: link.use(bool)  # that a channel opens is the answer
