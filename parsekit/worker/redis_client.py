"""Redis connections of the service's own, apart from Celery's."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import redis

#: A frozen server must not hold a thread for longer than this, seconds.
SOCKET_SECONDS = 5.0


def is_redis(url: str) -> bool:
    """Whether this broker or backend URL means a Redis (or Valkey) server."""
    return urlsplit(url).scheme in {"redis", "rediss", "redis+socket", "socket", "unix"}


def connect(url: str) -> redis.Redis:
    """Make a client of the server that Celery knows under ``url``; nothing connects yet."""
    return redis.Redis.from_url(
        _redis_py_url(url),
        socket_timeout=SOCKET_SECONDS,
        socket_connect_timeout=SOCKET_SECONDS,
        health_check_interval=25,
    )


def _redis_py_url(url: str) -> str:
    """Celery writes ``redis+socket:///path?virtual_host=0`` where redis-py wants ``unix``."""
    parts = urlsplit(url)
    if parts.scheme not in {"redis+socket", "socket"}:
        return url
    database = parse_qs(parts.query).get("virtual_host", ["0"])[0]
    return f"unix://{parts.netloc}{parts.path}?db={database}"


def masked(url: str) -> str:
    """The URL without user and password, for people."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()
