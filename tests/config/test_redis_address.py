"""One Redis, however its address is spelled."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from parsekit.config import CelerySettings, Config
from parsekit.config.redis_address import is_redis, redis_py_url
from parsekit.config.server_url import canonical

SPELLINGS: list[tuple[str, dict[str, Any]]] = [
    ("redis://:pw@host:1/3", {"host": "host", "port": 1, "db": 3, "password": "pw"}),
    ("redis+socket:///run/redis.sock", {"path": "/run/redis.sock", "db": 0}),
    ("redis+socket://:pw@/run/r.sock?virtual_host=2", {"path": "/run/r.sock", "db": 2}),
    ("socket:///run/redis.sock", {"path": "/run/redis.sock"}),
    ("unix:///run/redis.sock?db=1", {"path": "/run/redis.sock", "db": 1}),
    ("rediss://host:1/0?ssl_cert_reqs=CERT_REQUIRED", {"ssl_cert_reqs": "required"}),
    ("rediss://host:1/0?ssl_cert_reqs=required", {"ssl_cert_reqs": "required"}),
]


@pytest.mark.parametrize(("url", "expected"), SPELLINGS)
def test_redis_py_takes_the_address(url: str, expected: dict[str, Any]) -> None:
    assert is_redis(canonical(url))
    with redis.Redis.from_url(redis_py_url(canonical(url))) as client:
        client.connection_pool.make_connection()  # raises for what it does not know
        kwargs = client.connection_pool.connection_kwargs
    assert {name: kwargs.get(name, 0) for name in expected} == expected


@pytest.mark.parametrize("url", [url for url, _ in SPELLINGS])
def test_plugins_are_told_of_it_as_redis_py_wants_it(url: str) -> None:
    config = Config(sections={"celery": CelerySettings(broker="amqp://host//", backend=url)})
    assert config.redis_url == redis_py_url(canonical(url))


def test_rabbitmq_is_no_redis() -> None:
    assert not is_redis("amqp://host//")
