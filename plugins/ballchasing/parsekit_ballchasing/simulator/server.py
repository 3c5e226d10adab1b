"""The sandbox on a socket: HTTP, faults on the wire, and the control endpoint."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from parsekit_ballchasing.simulator import control
from parsekit_ballchasing.simulator.endpoints import answer, route_of
from parsekit_ballchasing.simulator.exchange import ApiCall, Reply, failure
from parsekit_ballchasing.simulator.faults import Fault, Faults, faulty
from parsekit_ballchasing.simulator.site import Site, SiteOptions

#: Largest upload that is read, bytes.
MAX_BODY_BYTES = 64 * 1024 * 1024
#: An announced time binds the calls that leave after all workers can have heard of it; seconds
#: that really pass, whatever the speed.
KNOWN_AFTER_S = 0.25
#: How much of an endless answer is sent, bytes.
HUGE_BYTES = 16 * 1024 * 1024


class Simulator:
    """A running sandbox; use it as a context manager.

    ``speed`` makes a second of the sandbox shorter: at 10 an hourly window takes six minutes.
    """

    def __init__(
        self,
        options: SiteOptions | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        speed: float = 1.0,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.speed = speed
        self.site = Site(options or SiteOptions(), clock or (lambda: time.time() * speed))
        self.faults = Faults()
        self._server = _Server((host, port), _Handler)
        self._server.simulator = self

    @property
    def url(self) -> str:
        """The root of the API, for ``ballchasing.url``."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}/api"

    def serve(self) -> None:
        """Serve until interrupted."""
        self._server.serve_forever(poll_interval=0.02)

    def __enter__(self) -> Simulator:
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self.close()

    def close(self) -> None:
        """Let go of the port, and parse no more."""
        self._server.server_close()
        self.site.bodies.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    simulator: Simulator

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that hangs up is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = 120

    def do_GET(self) -> None:
        self._handle()

    do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing: a log would show tokens and names."""

    def _handle(self) -> None:
        arrived = self.server.simulator.site.clock()
        body = self._body()
        if body is None:
            self._send(failure(413, "body too large"))
            return
        parts = urlsplit(self.path)
        if parts.path.startswith(control.ROOT):
            self._send(control.answer(self.server.simulator, self.command, parts.path, body))
        else:
            self._answer(self._call(parts.path, dict(parse_qsl(parts.query)), body), arrived)

    def _body(self) -> bytes | None:
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > MAX_BODY_BYTES:
            self.close_connection = True
            return None
        return self.rfile.read(int(length))

    def _call(self, path: str, query: dict[str, str], body: bytes) -> ApiCall:
        return ApiCall(
            method=self.command,
            path=path.removeprefix("/api") or "/",
            query=query,
            token=self.headers.get("Authorization", ""),
            root=f"http://{self.headers.get('Host', 'localhost')}",
            content_type=self.headers.get("Content-Type", ""),
            body=body,
        )

    def _answer(self, call: ApiCall, arrived: float) -> None:
        simulator = self.server.simulator
        found = route_of(call)
        if found is None:
            self._send(failure(404, "not found"))
            return
        route, names = found
        with simulator.site.lock:
            self._count(call, route.endpoint, arrived)
            fault = simulator.faults.next(route.endpoint)
            reply = Reply(500)
            if fault is None or fault.after:
                reply = answer(simulator.site, call, route, names)
            if fault is not None:
                reply = faulty(simulator.site, fault, call.token, reply)
            self._log(route.endpoint, arrived, reply.status)
        self._send(reply, fault)

    def _count(self, call: ApiCall, endpoint: str, arrived: float) -> None:
        site = self.server.simulator.site
        site.counts.calls[endpoint] = site.counts.calls.get(endpoint, 0) + 1
        account = site.account(call.token)
        known = account.announced_unix + KNOWN_AFTER_S * self.server.simulator.speed
        site.counts.early_calls += known < arrived < account.announced_until_unix

    def _log(self, endpoint: str, arrived: float, status: int) -> None:
        counts = self.server.simulator.site.counts
        counts.log.append((arrived, endpoint, status))
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            counts.refused[endpoint] = counts.refused.get(endpoint, 0) + 1

    def _send(self, reply: Reply, fault: Fault | None = None) -> None:
        body = _encoded(reply)
        match fault.kind if fault else None:
            case "reset":
                self._reset()
            case "hang":
                time.sleep(fault.seconds / self.server.simulator.speed if fault else 0)
                self.close_connection = True
            case "huge":
                self._write(reply, b'{"id": "' + b"x" * HUGE_BYTES)
            case "truncated":
                self._write(reply, body[: len(body) // 2], len(body) + 1)
                self.close_connection = True
            case "truncated-json":
                self._write(reply, body[: len(body) // 2])
            case _:
                self._write(reply, body)

    def _write(self, reply: Reply, body: bytes, claimed_bytes: int | None = None) -> None:
        self.send_response(reply.status)
        kind = "application/octet-stream" if isinstance(reply.body, bytes) else "application/json"
        headers = {"Content-Type": kind, **reply.headers}
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(claimed_bytes or len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The header `Date` in the sandbox's own time."""
        return formatdate(timestamp or self.server.simulator.site.clock(), usegmt=True)

    def _reset(self) -> None:
        """Hang up as a crashed proxy does, with RST instead of FIN."""
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close_connection = True
        self.connection.close()


def _encoded(reply: Reply) -> bytes:
    if reply.body is None:
        return b""
    return reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
