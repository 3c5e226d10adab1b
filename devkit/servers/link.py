"""One connection through a `FaultProxy`, suffering the fault that holds."""

from __future__ import annotations

import re
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress

from devkit.servers.faults import (
    Answer,
    Cut,
    CutUpload,
    Fault,
    FaultSwitch,
    HalfOpen,
    Reset,
    Slow,
)

_CHUNK_BYTES = 16 * 1024
_REQUEST = re.compile(rb"([A-Z]+ \S+) HTTP/1\.1\r\n")
_BODY_BYTES = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_EXPECT = re.compile(rb"\r\nexpect: *100-continue", re.IGNORECASE)


class Link:
    """A client's connection and its other end at the server.

    ``on_request`` gets every HTTP request line; ``ended`` once, when the connection is over.
    """

    def __init__(
        self,
        client: socket.socket,
        switch: FaultSwitch,
        *,
        on_request: Callable[[str], None],
        ended: Callable[[Link], None],
    ) -> None:
        self._client = client
        self._server = socket.socket()
        self._switch = switch
        self._on_request = on_request
        self._ended = ended
        self._ending = threading.Lock()
        self._severed = False
        self._counting: Fault | None = None
        self._counted_bytes = 0

    def start(self, port: int) -> None:
        """Connect to the server and pass bytes in the background until either side ends."""
        threading.Thread(target=self._run, args=(port,), daemon=True).start()

    def reset(self) -> None:
        """End it with RST, as a dying host does."""
        if not self._ending.acquire(blocking=False):
            return
        with suppress(OSError):
            self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            # closing takes effect when nobody reads any more, and this ends reading without a FIN
            self._client.shutdown(socket.SHUT_RD)
        self._client.close()
        self._leave()

    def end(self) -> None:
        """End it in order; what waits for either side wakes up."""
        if not self._ending.acquire(blocking=False):
            return
        with suppress(OSError):
            self._client.shutdown(socket.SHUT_RDWR)
        self._client.close()
        self._leave()

    def _leave(self) -> None:
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._ended(self)

    def _run(self, port: int) -> None:
        try:
            self._server.connect(("127.0.0.1", port))
        except OSError:
            self.reset()
            return
        threading.Thread(target=self._pump, args=(self._server, self._answer), daemon=True).start()
        self._pump(self._client, self._request)

    def _pump(self, source: socket.socket, forward: Callable[[bytes], None]) -> None:
        with suppress(OSError):
            while chunk := source.recv(_CHUNK_BYTES):
                forward(chunk)
        if not (self._severed and source is self._server):
            self.end()

    def _request(self, chunk: bytes) -> None:
        if line := _REQUEST.match(chunk):
            self._on_request(line[1].decode(errors="replace"))
        fault = self._switch.thawed()
        self._severed = self._severed or isinstance(fault, HalfOpen)
        if self._severed:
            return
        if isinstance(fault, Answer):
            self._answer_ourselves(chunk, fault)
        elif isinstance(fault, CutUpload):
            self._upload_until(chunk, fault)
        else:
            self._server.sendall(chunk)

    def _answer_ourselves(self, chunk: bytes, answer: Answer) -> None:
        """Hear the request out first: a client that still writes would see a reset instead."""
        head, _, body = chunk.partition(b"\r\n\r\n")
        length = _BODY_BYTES.search(head)
        left = int(length[1]) - len(body) if length and not _EXPECT.search(head) else 0
        while left > 0 and (more := self._client.recv(_CHUNK_BYTES)):
            left -= len(more)
        self._client.sendall(answer.encoded(with_body=not head.startswith(b"HEAD ")))
        self._switch.struck(answer)
        self.end()

    def _upload_until(self, chunk: bytes, fault: CutUpload) -> None:
        head, blank, body = (
            chunk.partition(b"\r\n\r\n") if _REQUEST.match(chunk) else (b"", b"", chunk)
        )
        if self._counting is not fault:
            self._counting, self._counted_bytes = fault, 0
        allowed = fault.after_body_bytes - self._counted_bytes
        self._counted_bytes += len(body)
        self._server.sendall(head + blank + body[: max(0, allowed)])
        if len(body) >= allowed:
            self._switch.struck(fault)
            self.end()

    def _answer(self, chunk: bytes) -> None:
        fault = self._switch.thawed()
        if self._severed:
            return
        if isinstance(fault, Slow):
            self._trickle(chunk, fault)
        elif isinstance(fault, Cut | Reset):
            self._send_until(chunk, fault)
        else:
            self._client.sendall(chunk)

    def _trickle(self, chunk: bytes, fault: Slow) -> None:
        step = max(1, int(fault.bytes_per_s / 20))
        for start in range(0, len(chunk), step):
            piece = chunk[start : start + step]
            self._client.sendall(piece)
            self._switch.wait(len(piece) / fault.bytes_per_s, fault)

    def _send_until(self, chunk: bytes, fault: Cut | Reset) -> None:
        if self._counting is not fault:
            self._counting, self._counted_bytes = fault, 0
        allowed = fault.after_bytes - self._counted_bytes
        self._counted_bytes += len(chunk)
        self._client.sendall(chunk[: max(0, allowed)])
        if len(chunk) >= allowed:
            self._switch.struck(fault)
            (self.end if isinstance(fault, Cut) else self.reset)()
