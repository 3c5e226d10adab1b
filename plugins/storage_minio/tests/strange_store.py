"""Small stores that speak just enough S3 to be wrong in one way, as some products are."""

from __future__ import annotations

import hashlib
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class StrangeStore(http.server.ThreadingHTTPServer):
    """Keeps objects in memory.

    ``conditions`` says what happens to If-None-Match: "ignored" or "501". ``etag_salt`` makes
    ETags that look like MD5 sums and are none, as with SSE-KMS.
    """

    daemon_threads = True

    def __init__(self, *, conditions: str = "ignored", etag_salt: bytes = b"") -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.conditions = conditions
        self.etag_salt = etag_salt
        self.objects: dict[str, bytes] = {}
        self.requests: list[str] = []


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: StrangeStore

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append("PUT")
        if self.headers["If-None-Match"] and self.server.conditions == "501":
            self._answer(501, b"<Error><Code>NotImplemented</Code></Error>")
            return
        self.server.objects[self.path] = body
        self._answer(200, b"", self._etag(body))

    def do_GET(self) -> None:
        self.server.requests.append(self.command)
        body = self.server.objects.get(self.path)
        if body is None:
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        else:
            self._answer(200, body, self._etag(body))

    def do_HEAD(self) -> None:
        self.do_GET()

    def _etag(self, body: bytes) -> str:
        return hashlib.md5(body + self.server.etag_salt, usedforsecurity=False).hexdigest()

    def _answer(self, status: int, body: bytes, etag: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Last-Modified", self.date_time_string(0))
        if etag:
            self.send_header("ETag", f'"{etag}"')
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Be quiet."""


@contextmanager
def strange_store(*, conditions: str = "ignored", etag_salt: bytes = b"") -> Iterator[StrangeStore]:
    """Run one for the length of the block."""
    with StrangeStore(conditions=conditions, etag_salt=etag_salt) as store:
        thread = threading.Thread(target=store.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield store
        finally:
            store.shutdown()
            thread.join()
