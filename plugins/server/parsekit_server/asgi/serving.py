"""Run the application in uvicorn until somebody ends it."""

from __future__ import annotations

import socket
import sys

import uvicorn

from parsekit.errors import ConfigInvalid
from parsekit_server.asgi.app import application
from parsekit_server.site import ReplaySite

#: Seconds that calls get to end, once the server was told to.
_GRACE_S = 10


def run(site: ReplaySite, *, host: str, port: int) -> None:
    """Answer until SIGINT or SIGTERM. Raises `ConfigInvalid` for an address that can't be had."""
    server, listener = make_server(site, host=host, port=port)
    shown = f"[{host}]" if ":" in host else host
    sys.stderr.write(f"listening on http://{shown}:{listener.getsockname()[1]}\n")
    sys.stderr.write("it speaks Ballchasing's API below /api; not affiliated\n")
    server.run(sockets=[listener])


def make_server(site: ReplaySite, *, host: str, port: int) -> tuple[uvicorn.Server, socket.socket]:
    """Make the server and what it listens on; who connects before it runs waits for it."""
    config = uvicorn.Config(
        application(site),
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
        raise ConfigInvalid(f"can't listen on {host} port {port}; name another --port") from None
    listener.listen(config.backlog)
    return uvicorn.Server(config), listener
