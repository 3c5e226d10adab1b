"""Small stores that speak just enough S3 to be wrong in one way, as some products are."""

from __future__ import annotations

import hashlib
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Oddity:
    """What is wrong with a store.

    ``conditions`` says what happens to If-None-Match: "ignored" or "501". ``etag_salt`` makes
    ETags that look like MD5 sums and are none, as with SSE-KMS. ``moved_to`` is the address to
    which every request is sent with ``moved_status``. A ``chunked`` answer announces no length.
    ``stalls`` says after what the rest of an answer never comes: "body", when the head of an
    answer and half its body were sent, or "put", when an object was stored. Bodies are taken at
    ``takes_bytes_per_s``, if that is not 0.
    """

    conditions: str = "ignored"
    etag_salt: bytes = b""
    moved_to: str = ""
    moved_status: int = 302
    chunked: bool = False
    stalls: str = ""
    takes_bytes_per_s: float = 0


class StrangeStore(http.server.ThreadingHTTPServer):
    """Keeps objects in memory."""

    daemon_threads = True

    def __init__(self, oddity: Oddity) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.oddity = oddity
        self.objects: dict[str, bytes] = {}
        self.requests: list[str] = []
        #: How many of the requests carried a signature.
        self.signed = 0
        self.ended = threading.Event()

    @property
    def hostname(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: StrangeStore

    def do_PUT(self) -> None:
        self._note()
        body = self._body(int(self.headers["Content-Length"]))
        if self._moved():
            return
        if self.headers["If-None-Match"] and self.server.oddity.conditions == "501":
            self._answer(501, b"<Error><Code>NotImplemented</Code></Error>")
            return
        self.server.objects[self.path] = body
        if self.server.oddity.stalls == "put":
            self.server.ended.wait()
        self._answer(200, b"", self._etag(body))

    def _body(self, size_bytes: int) -> bytes:
        pace = self.server.oddity.takes_bytes_per_s
        step = int(pace / 10) or size_bytes
        parts: list[bytes] = []
        while size_bytes > 0 and (part := self.rfile.read(min(step, size_bytes))):
            parts.append(part)
            size_bytes -= len(part)
            if pace and self.server.ended.wait(len(part) / pace):
                break
        if size_bytes:
            raise ConnectionResetError("the client went away")
        return b"".join(parts)

    def do_GET(self) -> None:
        self._note()
        body = self.server.objects.get(self.path)
        if self._moved():
            return
        if body is None:
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        else:
            self._answer(200, body, self._etag(body))

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_DELETE(self) -> None:
        self._note()
        if self._moved():
            return
        self.server.objects.pop(self.path, None)
        self._answer(204, b"")

    def _note(self) -> None:
        self.server.requests.append(self.command)
        self.server.signed += "Authorization" in self.headers

    def _moved(self) -> bool:
        address = self.server.oddity.moved_to
        if address:
            self.send_response(self.server.oddity.moved_status)
            self.send_header("Location", address + self.path)
            self.send_header("Content-Length", "0")
            self.end_headers()
        return bool(address)

    def _etag(self, body: bytes) -> str:
        return hashlib.md5(body + self.server.oddity.etag_salt, usedforsecurity=False).hexdigest()

    def _answer(self, status: int, body: bytes, etag: str = "") -> None:
        self.send_response(status)
        if self.server.oddity.chunked:
            self.send_header("Transfer-Encoding", "chunked")
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        else:
            self.send_header("Content-Length", str(len(body)))
        self.send_header("Last-Modified", self.date_time_string(0))
        if etag:
            self.send_header("ETag", f'"{etag}"')
        self.end_headers()
        if self.command == "HEAD":
            return
        if self.server.oddity.stalls == "body":
            self.wfile.write(body[: len(body) // 2])
            self.server.ended.wait()
        self.wfile.write(body)

    def handle(self) -> None:
        """Be quiet about clients that hang up."""
        with suppress(ConnectionError):
            super().handle()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Be quiet."""


@contextmanager
def strange_store(oddity: Oddity | None = None) -> Iterator[StrangeStore]:
    """Run one for the length of the block."""
    with StrangeStore(oddity or Oddity()) as store:
        thread = threading.Thread(target=store.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield store
        finally:
            store.ended.set()
            store.shutdown()
            thread.join()
