"""What ``parsekit doctor`` tries of the service: the broker, its queues, the result store."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import NamedTuple

import redis
from kombu import Connection
from kombu.utils.url import sanitize_url

from parsekit.config import Config
from parsekit.config.redis_address import is_redis
from parsekit.doctor import Try
from parsekit.logs.redaction import cleaned
from parsekit.providers import Check
from parsekit.worker.addresses import Addresses
from parsekit.worker.celery_settings import celery_settings
from parsekit.worker.redis_client import connect, masked
from parsekit.worker.tls import AmqpTls

_CONNECT_SECONDS = 3.0
_ADVICE = "is the server up, and is its address, user and vhost right?"


def service_checks(config: Config) -> list[tuple[str, Try]]:
    """Checks of what section `celery` names."""
    at = Addresses.of(config)
    names = (at.queue, at.bulk_queue)
    return [
        ("broker", lambda: [_connected(_broker(at), _round_trip)]),
        ("queues", lambda: [_queue(at, name) for name in names]),
        ("result store", lambda: [_connected(_result_store(at), _round_trip)]),
    ]


def what_is_away(at: Addresses) -> str | None:
    """Which of both servers does not answer, why and what to do; None when both answer."""
    servers = [_broker(at)] if at.backend == at.broker else [_broker(at), _result_store(at)]
    for check in (_connected(server, _greeting) for server in servers):
        if not check.ok:
            return f"the {check.name} does not answer: {check.detail}; {check.advice}"
    return None


def pickle_check(config: Config) -> Check:
    """Whether a message can only be JSON: who may send a pickle runs code in the worker."""
    settings = celery_settings(Addresses.of(config))
    taken = {*settings["accept_content"], *settings["result_accept_content"]}
    advice = "take everything but json out of accept_content"
    detail = f"messages are taken as {', '.join(sorted(taken))}"
    return Check(name="messages", ok=taken == {"json"}, detail=detail, advice=advice)


class _Server(NamedTuple):
    name: str
    url: str
    tls: AmqpTls = False


def _broker(at: Addresses) -> _Server:
    return _Server("broker", at.broker, at.broker_tls)


def _result_store(at: Addresses) -> _Server:
    return _Server("result store", at.backend)


def _connected(server: _Server, talk: Callable[[redis.Redis], object]) -> Check:
    """Connect, and ``talk`` with a Redis."""
    name, url, tls = server
    shown = masked(url)
    try:
        if is_redis(url):
            with closing(connect(url)) as client:
                talk(client)
        else:
            with _open(url, tls):
                pass
    except Exception as exc:  # noqa: BLE001  (each client library raises its own)
        return Check(name=name, ok=False, detail=f"{shown}: {_reason(exc, url)}", advice=_ADVICE)
    return Check(name=name, ok=True, detail=shown)


def _round_trip(client: redis.Redis) -> None:
    """Write and read, so that a full or read-only server is found out as well."""
    client.set("parsekit:doctor", "1", ex=10)
    client.get("parsekit:doctor")


def _greeting(client: redis.Redis) -> None:
    """For callers, who may write nothing of ours."""
    client.ping()


def _open(url: str, tls: AmqpTls) -> Connection:
    connection = Connection(url, connect_timeout=_CONNECT_SECONDS, ssl=tls)
    connection.ensure_connection(max_retries=1, timeout=_CONNECT_SECONDS)
    return connection


def _queue(at: Addresses, queue: str) -> Check:
    name = f"queue {queue}"
    if at.redis_broker:
        return Check(name=name, ok=True, detail="made by Redis when it is used")
    try:
        with _open(at.broker, at.broker_tls) as connection, connection.channel() as channel:
            waiting = channel.queue_declare(queue, passive=True).message_count
    except Exception as exc:  # noqa: BLE001  (each client library raises its own)
        if getattr(exc, "reply_code", None) == 404:  # noqa: PLR2004  (AMQP's NOT_FOUND)
            return Check(name=name, ok=None, detail="is made when the first worker starts")
        return Check(name=name, ok=False, detail=_reason(exc, at.broker), advice=_ADVICE)
    return Check(name=name, ok=True, detail=f"{waiting} waiting")


def _reason(error: Exception, url: str) -> str:
    """What a client says, without the password of its URL."""
    text = " ".join(str(error).split()) or type(error).__name__
    return cleaned(text.replace(url, sanitize_url(url)))[:300]
