"""What can go wrong between a client and a server, as values for `FaultProxy`, and which holds."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, eq=False)
class Fault:
    """Nothing wrong: bytes pass. Two faults are never equal, so that setting one counts anew."""


@dataclass(frozen=True, slots=True, eq=False)
class Refuse(Fault):
    """Nobody listens, and open connections are reset: the server is down."""


@dataclass(frozen=True, slots=True, eq=False)
class Freeze(Fault):
    """Connections stay, nothing passes either way until the fault is over: a stopped process."""


@dataclass(frozen=True, slots=True, eq=False)
class HalfOpen(Fault):
    """Connections in use lose their other end without a word, and for good: a pulled cable."""


@dataclass(frozen=True, slots=True, eq=False)
class Slow(Fault):
    """Answers trickle."""

    bytes_per_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Cut(Fault):
    """The connection ends in order after so many bytes of answer: a body that looks finished."""

    after_bytes: int


@dataclass(frozen=True, slots=True, eq=False)
class Reset(Fault):
    """The connection is reset after so many bytes of answer."""

    after_bytes: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class CutUpload(Fault):
    """The client dies after so many bytes of an HTTP request's body: the server sees the end."""

    after_body_bytes: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Answer(Fault):
    """An HTTP answer of our own; the request never reaches the server."""

    status: str
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    def encoded(self, *, with_body: bool = True) -> bytes:
        """The bytes on the wire; an answer to HEAD tells of a body and has none."""
        headers = {**self.headers, "Content-Length": str(len(self.body)), "Connection": "close"}
        lines = [f"HTTP/1.1 {self.status}", *(f"{name}: {text}" for name, text in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode() + (self.body if with_body else b"")


def slow_down() -> Answer:
    """How S3 asks for less."""
    body = (
        b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
    )
    return Answer("503 Slow Down", body, {"Content-Type": "application/xml"})


class FaultSwitch:
    """The fault that holds now, shared by a proxy and its connections."""

    def __init__(self) -> None:
        self._healthy = Fault()
        self._fault = self._healthy
        self._strokes_left: int | None = None
        self._changed = threading.Condition()

    @property
    def fault(self) -> Fault:
        """What is wrong now; a plain `Fault` when nothing is."""
        return self._fault

    def set(self, fault: Fault | None, times: int | None = None) -> None:
        """Begin a fault, None for health; ``times`` ends it after it struck so often."""
        with self._changed:
            self._fault, self._strokes_left = fault or self._healthy, times
            self._changed.notify_all()

    def struck(self, fault: Fault) -> None:
        """Count one stroke of this fault."""
        with self._changed:
            if self._strokes_left is None or self._fault is not fault:
                return
            self._strokes_left -= 1
            if self._strokes_left == 0:
                self._fault = self._healthy
                self._changed.notify_all()

    def thawed(self) -> Fault:
        """Wait as long as the fault is `Freeze`; what holds then."""
        with self._changed:
            self._changed.wait_for(lambda: not isinstance(self._fault, Freeze))
            return self._fault

    def wait(self, seconds: float, fault: Fault) -> None:
        """Let time pass, but not beyond the end of this fault."""
        with self._changed:
            self._changed.wait_for(lambda: self._fault is not fault, timeout=seconds)
