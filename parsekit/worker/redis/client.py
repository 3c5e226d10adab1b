"""Redis connections of the service's own, apart from Celery's."""

from __future__ import annotations

from urllib.parse import urlsplit

import redis

from parsekit.config.redis_address import redis_py_url

#: A frozen server must not hold a thread for longer than this, seconds.
SOCKET_SECONDS = 5.0


def connect(url: str) -> redis.Redis:
    """Make a client of the server that Celery knows under ``url``; nothing connects yet."""
    return redis.Redis.from_url(
        redis_py_url(url),
        socket_timeout=SOCKET_SECONDS,
        socket_connect_timeout=SOCKET_SECONDS,
        health_check_interval=25,
    )


def masked(url: str) -> str:
    """The URL without user and password, for people; of several in one, each of them."""
    each = (urlsplit(address) for address in url.split(";"))
    bare = (parts._replace(netloc=parts.netloc.rpartition("@")[2], query="") for parts in each)
    return ";".join(parts.geturl() for parts in bare)
