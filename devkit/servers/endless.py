"""A server that never ends what it says, now and then a little or all at once."""

from __future__ import annotations

import itertools
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

#: How often it says a little, seconds: no wait for the next piece is ever long.
_DRIP_S = 0.02
_AT_ONCE = 1000
_HEARD_BYTES = 64 * 1024

#: What everybody who connects is told, piece by piece.
Saying = Callable[[], Iterator[bytes]]


def drip(begin: bytes = b"", piece: bytes = b"x") -> Saying:
    """Say the beginning, and then a piece now and then, for ever."""
    return lambda: itertools.chain([begin], itertools.repeat(piece))


def flood(begin: bytes = b"", piece: bytes = b"x") -> Saying:
    """Say the beginning, and then as many pieces as are taken, for ever."""
    return lambda: itertools.chain([begin], itertools.repeat(piece * _AT_ONCE))


class EndlessServer:
    """Hears a little of what each client says, and then speaks; what was said stays unfinished."""

    def __init__(self, saying: Saying, context: ssl.SSLContext | None) -> None:
        self._saying = saying
        self._context = context
        self._closed = threading.Event()
        self._listeners: set[socket.socket] = set()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def listeners(self) -> int:
        """How many clients have not hung up, as far as something was left to tell them."""
        return len(self._listeners)

    def close(self) -> None:
        """Hang up."""
        self._closed.set()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # closing alone would not wake `accept`
        self._socket.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self._listeners.add(connection)
                threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        try:
            with suppress(OSError), self._secured(connection) as secured:
                secured.recv(_HEARD_BYTES)
                for text in self._saying():
                    secured.sendall(text)
                    if self._closed.wait(_DRIP_S if len(text) < _AT_ONCE else 0):
                        break
                self._closed.wait()
        finally:
            self._listeners.discard(connection)

    def _secured(self, connection: socket.socket) -> socket.socket:
        if self._context is None:
            return connection
        return self._context.wrap_socket(connection, server_side=True)


@contextmanager
def endless_server(
    saying: Saying, context: ssl.SSLContext | None = None
) -> Iterator[EndlessServer]:
    """Run one on a free loopback port, over TLS with ``context``."""
    server = EndlessServer(saying, context)
    try:
        yield server
    finally:
        server.close()
