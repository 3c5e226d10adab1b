"""The optional port with ``/healthz``, ``/readyz`` and ``/metrics``."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CONTENT_TYPE_LATEST

from parsekit.errors import ConfigInvalid
from parsekit.worker.monitoring.health import HealthMonitor

log = logging.getLogger(__name__)

#: ``[HOST:]PORT`` of the HTTP port; none without it.
ENV_HTTP = "PARSEKIT_HTTP"

#: A client that says nothing for longer is hung up on, seconds: each has a thread.
_SILENCE_SECONDS = 10.0
_TEXT = "text/plain; charset=utf-8"


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """One line instead of a traceback on standard error: clients may go as they like."""
        del request
        log.debug("%s was not answered: %r", client_address, sys.exception())


def check_free(address: str) -> None:
    """Raise `ConfigInvalid` for an address at which nothing could be served now."""
    _bound(address, BaseHTTPRequestHandler).server_close()


def serve(address: str, vitals: HealthMonitor, page: Callable[[], bytes]) -> ThreadingHTTPServer:
    """Serve in a thread. Raises `ConfigInvalid` for an address that can't be used."""

    class Handler(BaseHTTPRequestHandler):
        timeout = _SILENCE_SECONDS

        def do_GET(self) -> None:
            status, kind, body = _answer(self.path.partition("?")[0], vitals, page)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing: probes come every few seconds."""

    server = _bound(address, Handler)
    threading.Thread(target=server.serve_forever, daemon=True, name="parsekit-http").start()
    return server


def _bound(address: str, handler: type[BaseHTTPRequestHandler]) -> _Server:
    host, _, port = address.rpartition(":")
    try:
        return _Server((host or "127.0.0.1", int(port)), handler)
    except (OSError, ValueError, OverflowError) as exc:
        raise ConfigInvalid(
            f"--http {address}: {exc}; want PORT or HOST:PORT that is free"
        ) from exc


def _answer(
    path: str, vitals: HealthMonitor, page: Callable[[], bytes]
) -> tuple[HTTPStatus, str, bytes]:
    """Status, content type and body; an error too, as who gets no answer takes us for dead."""
    try:
        if path == "/metrics":
            return HTTPStatus.OK, CONTENT_TYPE_LATEST, page()
        judge = {"/healthz": "not_live", "/readyz": "not_ready"}.get(path)
        if judge is None:
            return HTTPStatus.NOT_FOUND, _TEXT, b"not here\n"
        wrong = getattr(vitals.now(), judge)(time.time())
        status = HTTPStatus.SERVICE_UNAVAILABLE if wrong else HTTPStatus.OK
        return status, _TEXT, f"{wrong or 'ok'}\n".encode()
    except Exception:
        log.exception("%r can't be answered", path)
        return HTTPStatus.INTERNAL_SERVER_ERROR, _TEXT, b"failed; the worker's log says why\n"
