"""Addresses of a Redis or Valkey, as Celery spells them and as redis-py does."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

_SOCKET = "redis+socket"
_SCHEMES = frozenset({"redis", "rediss", _SOCKET})
#: Celery writes CERT_REQUIRED where redis-py wants required.
_CELERYS_CERT = re.compile(r"(?<=ssl_cert_reqs=)CERT_(\w+)")


def is_redis(url: str) -> bool:
    """Whether this address, in the form of `parsekit.config.server_url`, means a Redis server."""
    return urlsplit(url).scheme in _SCHEMES


def redis_py_url(url: str) -> str:
    """What redis-py calls the server that Celery knows as ``url``.

    Celery writes ``redis+socket:///path?virtual_host=0`` where redis-py wants ``unix:///path?db=0``.
    """
    parts = urlsplit(url)
    if parts.scheme != _SOCKET:
        return _CELERYS_CERT.sub(lambda match: match[1].lower(), url)
    database = parse_qs(parts.query).get("virtual_host", ["0"])[0]
    return f"unix://{parts.netloc}{parts.path}?db={database}"
