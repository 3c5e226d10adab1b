"""HTTP calls that end in time, whatever the server sends and however slowly.

The time-outs of `http.client` are for each wait on the socket. A server that says something now and
then is never late by them: it may send ``100 Continue`` for ever, a byte of a header a minute, or
take an upload byte by byte. Here all that one call does on its socket shares one deadline.
"""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

#: A piece of an upload that is sent under one time-out: TLS waits for each record of so many bytes.
_PIECE_BYTES = 16 * 1024
#: First digit of answers before the answer.
_INTERIM = 1


class Deadline:
    """The end of one call."""

    def __init__(self, seconds: float) -> None:
        self._ends_s = time.monotonic() + seconds

    def left_s(self, most_s: float | None = None) -> float:
        """Seconds for the next wait, at most ``most_s``. Raises TimeoutError when none is left."""
        left_s = self._ends_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("the whole call took too long")
        return left_s if most_s is None else min(left_s, most_s)

    def is_over(self) -> bool:
        """Whether no time is left."""
        return time.monotonic() >= self._ends_s


_current: ContextVar[Deadline] = ContextVar("deadline of a call")


@contextmanager
def whole_call(seconds: float) -> Iterator[Deadline]:
    """All calls through a `DeadlineAdapter` in this block end after so many seconds together."""
    token = _current.set(Deadline(seconds))
    try:
        yield _current.get()
    finally:
        _current.reset(token)


class _Reader(io.RawIOBase):
    """The bytes of an answer. Each read waits as long as the socket would, and as is left."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw = raw
        self._sock = sock
        self._silence_s = sock.gettimeout()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        self._sock.settimeout(_current.get().left_s(self._silence_s))
        count: int | None = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **more: Any) -> None:
        super().__init__(sock, *args, **more)
        self.fp = io.BufferedReader(_Reader(self.fp.detach(), sock))

    def begin(self) -> None:
        """Read the head of the answer, after all that only announce one.

        `http.client` passes over 100 alone: it would take a 103 for the answer, and the answer for
        that of the next call.
        """
        super().begin()
        while self.status // 100 == _INTERIM:
            self.headers = self.msg = None  # type: ignore[assignment]  # so `begin` means it
            super().begin()


class _Connection(HTTPConnection):
    response_class = _Response

    def _new_conn(self) -> socket.socket:
        """Try the addresses of the name one after the other, while there is time."""
        name, timeout_s = self.host, self.timeout
        for address, is_last in _addresses(self):
            self.host, self.timeout = address, _current.get().left_s(timeout_s)
            try:
                return super()._new_conn()
            except (NewConnectionError, ConnectTimeoutError):
                if is_last:
                    raise
            finally:
                self.host, self.timeout = name, timeout_s
        raise NewConnectionError(self, f"{name} has no address")

    def send(self, data: Any) -> None:
        """Send piece by piece; ``data`` are the bytes that requests has put together."""
        if self.sock is None:
            self.connect()
        view = memoryview(data)
        for begin in range(0, len(view), _PIECE_BYTES):
            self.sock.settimeout(_current.get().left_s(self.timeout))
            super().send(view[begin : begin + _PIECE_BYTES])


class _SecureConnection(_Connection, HTTPSConnection):
    pass


def _addresses(connection: HTTPConnection) -> Iterator[tuple[str, bool]]:
    """The addresses of a connection's host, each once, and whether it is the last one."""
    try:
        found = socket.getaddrinfo(connection.host, connection.port, type=socket.SOCK_STREAM)
    except socket.gaierror as exc:
        raise NameResolutionError(connection.host, connection, exc) from exc
    addresses = list(dict.fromkeys(str(address[0]) for *_, address in found))
    for address in addresses:
        yield address, address == addresses[-1]


class Pool(HTTPConnectionPool):
    """Connections without TLS."""

    ConnectionCls = _Connection


class SecurePool(HTTPSConnectionPool):
    """Connections with TLS."""

    ConnectionCls = _SecureConnection


class DeadlineAdapter(HTTPAdapter):
    """Makes the calls of a `requests.Session`, each within a `whole_call`."""

    def init_poolmanager(self, *args: Any, **more: Any) -> None:
        """Use connections that know of the deadline."""
        super().init_poolmanager(*args, **more)
        self.poolmanager.pool_classes_by_scheme = {"http": Pool, "https": SecurePool}
