"""Writes that wait for a broker which has stopped reading, as long as it is worth it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

#: How often a write that waits looks at what the broker says, seconds.
LOOK_S = 0.25
#: A look at what has come, seconds. With 0 py-amqp would spin until the rest of a frame comes, for
#: ever where the other side is gone.
MOMENT_S = 0.001
_BLOCKED, _UNBLOCKED = (10, 60), (10, 61)
_METHOD, _ALL_CHANNELS = 1, 0

#: A frame as py-amqp reads it: type, channel, payload.
Frame = tuple[int, int, bytes]


class PatientTransport:
    """Takes over how a connection of py-amqp writes and reads. Used by one thread.

    With large messages the sockets' buffers fill as soon as the broker stops reading, and the write
    waits. Why it waits is said in what can be read: that the broker is ``blocked``. All else that
    is read meanwhile waits for its turn, as py-amqp may answer it, and can't in the middle of a
    write. ``patient`` is called with the time since which the write stands still (monotonic) and
    says whether to go on; a broker that says nothing for ``silence_s``, not even that its heart
    beats, is gone.
    """

    def __init__(self, amqp: Any, patient: Callable[[float], bool], silence_s: float) -> None:
        self._transport = amqp.transport
        self._read = self._transport.read_frame
        self._patient, self._silence_s = patient, silence_s
        self._unread: deque[Frame] = deque()
        self.blocked, self.free_since = False, float("-inf")
        self._transport.read_frame = self._next_frame
        self._transport._write = self._write  # noqa: SLF001  (its subclasses set it as well)

    def _next_frame(self) -> Frame:
        return self._unread.popleft() if self._unread else self._receive()

    def _receive(self) -> Frame:
        frame: Frame = self._read()
        kind, channel, payload = frame
        if kind == _METHOD and channel == _ALL_CHANNELS:
            method = int.from_bytes(payload[:2]), int.from_bytes(payload[2:4])
            if method == _UNBLOCKED:
                self.free_since = time.monotonic()
            self.blocked = method == _BLOCKED or (self.blocked and method != _UNBLOCKED)
        return frame

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        moved = received = time.monotonic()
        while rest:
            if sent := self._send(rest):
                rest, moved = rest[sent:], time.monotonic()
                continue
            received = time.monotonic() if self._look() else received
            if not self._patient(moved) or time.monotonic() - received > self._silence_s:
                raise TimeoutError("the broker does not read what it is sent")

    def _send(self, data: memoryview) -> int:
        """Write some; return how much, 0 when there is no room for a while."""
        try:
            with self._transport.having_timeout(LOOK_S) as sock:
                return int(sock.send(data))
        except TimeoutError:
            return 0

    def _look(self) -> bool:
        """Read what there is; whether there was any."""
        before = len(self._unread)
        try:
            with self._transport.having_timeout(MOMENT_S):
                while True:
                    self._unread.append(self._receive())
        except TimeoutError:
            return len(self._unread) > before
