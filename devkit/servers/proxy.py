"""A TCP proxy that misbehaves when told to, between a client and a real server."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from devkit.servers.faults import (
    Answer,
    Cut,
    CutUpload,
    Fault,
    FaultSwitch,
    Freeze,
    HalfOpen,
    Refuse,
    Reset,
    Slow,
    slow_down,
)
from devkit.servers.link import Link

__all__ = [
    "Answer",
    "Cut",
    "CutUpload",
    "Fault",
    "FaultProxy",
    "Freeze",
    "HalfOpen",
    "Refuse",
    "Reset",
    "Slow",
    "fault_proxy",
    "slow_down",
]


class FaultProxy:
    """Forwards a loopback port of its own to a server's; faults strike open connections too.

    ``requests`` lists the HTTP requests that came, such as ``GET /bucket/key``, answered or not;
    ``connections`` counts those accepted.
    """

    def __init__(self, target_port: int) -> None:
        self.target_port = target_port
        self.port = 0
        self.requests: list[str] = []
        self.connections = 0
        self._switch = FaultSwitch()
        self._choose: Callable[[str], Fault | None] | None = None
        self._links: set[Link] = set()
        self._listener: socket.socket | None = None
        self._listen()

    @property
    def fault(self) -> Fault:
        """What is wrong now; a plain `Fault` when nothing is."""
        return self._switch.fault

    def set(self, fault: Fault, *, times: int | None = None) -> None:
        """Begin a fault; ``times`` ends one that breaks connections after so many strokes."""
        self._switch.set(fault, times)
        if isinstance(fault, Refuse):
            self._deafen()
        else:
            self._listen()

    def choose(self, choice: Callable[[str], Fault | None]) -> None:
        """Have every request line pick its own fault; for requests that come one at a time."""
        self._choose = choice

    def heal(self) -> None:
        """End the fault."""
        self._choose = None
        self._switch.set(None)
        self._listen()

    @contextmanager
    def failing(self, fault: Fault) -> Iterator[None]:
        """Have a fault for the length of the block."""
        self.set(fault)
        try:
            yield
        finally:
            self.heal()

    def close(self) -> None:
        """End the proxy and every connection."""
        self.set(Refuse())

    def _note(self, line: str) -> None:
        self.requests.append(line)
        if self._choose is not None:
            self._switch.set(self._choose(line))

    def _listen(self) -> None:
        if self._listener is not None:
            return
        listener = socket.create_server(("127.0.0.1", self.port), backlog=128)
        self.port = listener.getsockname()[1]
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def _deafen(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            with suppress(OSError):  # wakes the thread that accepts
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        for link in tuple(self._links):
            link.reset()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                self.connections += 1
                link = Link(client, self._switch, on_request=self._note, ended=self._links.discard)
                self._links.add(link)
                link.start(self.target_port)


@contextmanager
def fault_proxy(target_port: int) -> Iterator[FaultProxy]:
    """Run a proxy for the length of the block."""
    proxy = FaultProxy(target_port)
    try:
        yield proxy
    finally:
        proxy.close()
