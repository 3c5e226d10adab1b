"""Run the application in uvicorn until somebody ends it."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from parsekit.errors import ConfigInvalid
from parsekit_server.asgi.app import application
from parsekit_server.asgi.monitoring import monitoring_application
from parsekit_server.site import ReplaySite

#: Seconds that calls get to end, once the server was told to.
_GRACE_S = 10
_LAST_PORT = 65535


def run(site: ReplaySite, *, host: str, port: int, monitoring: str | None = None) -> None:
    """Answer until SIGINT or SIGTERM; ``monitoring`` is ``[HOST:]PORT`` of what operators look at.

    Raises `ConfigInvalid` for an address that can't be had.
    """
    with _monitored(site, monitoring):
        server, listener = make_server(application(site), host=host, port=port)
        sys.stderr.write(f"listening on {_shown(host, listener)}\n")
        sys.stderr.write("it speaks Ballchasing's API below /api; not affiliated\n")
        server.run(sockets=[listener])


def make_server(app: ASGIApp, *, host: str, port: int) -> tuple[uvicorn.Server, socket.socket]:
    """Make the server and what it listens on; who connects before it runs waits for it."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        lifespan="off",
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=_GRACE_S,
    )
    try:
        listener = config.bind_socket()
    except SystemExit:
        raise ConfigInvalid(f"can't listen on {host} port {port}; name another") from None
    listener.listen(config.backlog)
    return uvicorn.Server(config), listener


@contextmanager
def _monitored(site: ReplaySite, address: str | None) -> Iterator[None]:
    """Answer operators, in a thread, for the length of the block."""
    if address is None:
        yield
        return
    host, _, port = address.rpartition(":")
    if not port.isdecimal() or int(port) > _LAST_PORT:
        raise ConfigInvalid(f"--http {address}: want PORT or HOST:PORT that is free")
    host = host or "127.0.0.1"
    server, listener = make_server(monitoring_application(site), host=host, port=int(port))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="monitoring")
    thread.start()
    sys.stderr.write(f"health and metrics on {_shown(host, listener)}\n")
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


def _shown(host: str, listener: socket.socket) -> str:
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{listener.getsockname()[1]}"
