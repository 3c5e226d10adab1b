"""A few questions to Redis without redis-py, whose import takes longer than all that `top` does.

It speaks RESP 2 and strict TLS. What it can't do, redis-py can, and has words for: ask that then.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from parsekit.config.redis_address import redis_py_url

if TYPE_CHECKING:
    from ssl import SSLContext

_PORT = 6379
#: For the connection and for each answer, seconds.
_TIMEOUT_S = 5.0


class PlainRedis:
    """One connection to a server; `open_plain` makes it."""

    def __init__(self, connection: socket.socket, answers: IO[bytes]) -> None:
        self._connection = connection
        self._answers = answers

    def ask(self, *commands: tuple[str, ...]) -> list[Any]:
        """What the server answers to these, in one round trip.

        Raises OSError, ValueError or RecursionError, after which the connection is of no more use.
        """
        self._connection.sendall(b"".join(map(_written, commands)))
        return [self._answer() for _ in commands]

    def _answer(self) -> Any:
        line = self._answers.readline()
        kind, rest = line[:1], line[1:].strip()
        match kind:
            case b"+":
                return rest
            case b":":
                return int(rest)
            case b"$":
                return self._text(int(rest))
            case b"*":
                return [self._answer() for _ in range(int(rest))]
        raise ValueError(f"refused: {rest.decode(errors='replace')}" if line else "hung up")

    def _text(self, length: int) -> bytes | None:
        if length < 0:
            return None
        text = self._answers.read(length + 2)
        if len(text) != length + 2:
            raise ValueError("hung up")
        return text[:-2]


@contextmanager
def open_plain(url: str) -> Iterator[PlainRedis]:
    """Connect to the server that Celery knows under ``url``. Raises OSError, ValueError."""
    address = urlsplit(redis_py_url(url))
    options = {name: values[0] for name, values in parse_qs(address.query).items()}
    with _connected(address, options) as connection, connection.makefile("rb") as answers:
        client = PlainRedis(connection, answers)
        client.ask(*_greetings(address, options))
        yield client


def _connected(address: SplitResult, options: dict[str, str]) -> socket.socket:
    if address.scheme == "unix":
        made = socket.socket(socket.AF_UNIX)
        made.settimeout(_TIMEOUT_S)
        made.connect(unquote(address.path))
        return made
    host = address.hostname or "localhost"
    context = _trusting(options) if address.scheme == "rediss" else None
    made = socket.create_connection((host, address.port or _PORT), timeout=_TIMEOUT_S)
    return context.wrap_socket(made, server_hostname=host) if context else made


def _trusting(options: dict[str, str]) -> SSLContext:
    if options.get("ssl_cert_reqs") != "required" or "ssl_check_hostname" in options:
        raise ValueError("only a server with a certificate for its name is trusted here")
    from ssl import create_default_context  # noqa: PLC0415  (a server without TLS needs none)

    context = create_default_context(cafile=options.get("ssl_ca_certs"))
    if certificate := options.get("ssl_certfile"):
        context.load_cert_chain(certificate, options.get("ssl_keyfile"))
    return context


def _greetings(address: SplitResult, options: dict[str, str]) -> list[tuple[str, ...]]:
    """Who we are, and which database we mean."""
    greetings: list[tuple[str, ...]] = []
    if address.password:
        user = (unquote(address.username),) if address.username else ()
        greetings.append(("AUTH", *user, unquote(address.password)))
    database = options.get("db") or ("" if address.scheme == "unix" else address.path.strip("/"))
    if database:
        greetings.append(("SELECT", database))
    return greetings


def _written(command: tuple[str, ...]) -> bytes:
    words = [word.encode() for word in command]
    parts = [b"*%d\r\n" % len(words), *(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)]
    return b"".join(parts)
