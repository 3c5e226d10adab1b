"""TLS before a server that has none, such as the Valkey of PyPI."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_CHUNK_BYTES = 64 * 1024


class TlsFront:
    """Forwards what clients say through TLS on a loopback port to the port of a plain server.

    One thread does it all: two may not read from and write to one TLS connection at once.
    ``received_bytes`` counts what clients said, none before they trusted the certificate. With
    ``client_authority`` clients need a certificate of that authority.
    """

    def __init__(
        self,
        certificate: Path,
        key: Path,
        target_port: int,
        *,
        client_authority: Path | None = None,
    ) -> None:
        self.port = 0
        self.received_bytes = 0
        self._target_port = target_port
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)
        if client_authority is not None:
            self._context.verify_mode = ssl.CERT_REQUIRED
            self._context.load_verify_locations(client_authority)
        self._loop = asyncio.new_event_loop()
        self._closed = asyncio.Event()
        self._listens = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Listen, on a `port` that is known from now on."""
        self._thread.start()
        self._listens.wait()

    def close(self) -> None:
        """End it and every connection."""
        self._loop.call_soon_threadsafe(self._closed.set)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._forward, "127.0.0.1", 0, ssl=self._context)
        self.port = server.sockets[0].getsockname()[1]
        self._listens.set()
        await self._closed.wait()
        server.close()

    async def _forward(self, client: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        try:
            server, requests = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:
            answers.close()
            return
        try:
            await asyncio.gather(self._receive(client, requests), _pump(server, answers))
        except asyncio.CancelledError:  # we are closed
            for writer in (requests, answers):
                writer.transport.abort()

    async def _receive(self, client: asyncio.StreamReader, requests: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while chunk := await client.read(_CHUNK_BYTES):
                self.received_bytes += len(chunk)
                requests.write(chunk)
                await requests.drain()
        requests.close()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await source.read(_CHUNK_BYTES):
            sink.write(chunk)
            await sink.drain()
    sink.close()


@contextmanager
def tls_front(
    certificate: Path, key: Path, target_port: int, *, client_authority: Path | None = None
) -> Iterator[TlsFront]:
    """Run one for the length of the block."""
    front = TlsFront(certificate, key, target_port, client_authority=client_authority)
    front.start()
    try:
        yield front
    finally:
        front.close()
