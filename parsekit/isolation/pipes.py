"""Pipes to a process that may have been taken over: nothing waits on them past its time.

Such a process can open its ends anew (``/proc/self/fd``), fill what it should read and take back
what it wrote. That a pipe was ready a moment ago so promises nothing: these ends must never block.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import time


class Ended(Exception):
    """The other end was closed."""


def read(descriptor: int, size: int, end: float) -> bytes:
    """Read just so much.

    Raises TimeoutError at ``end`` (of `time.monotonic`) and `Ended`.
    """
    parts: list[bytes] = []
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while size:
            _wait(selector, end)
            with contextlib.suppress(BlockingIOError):
                part = os.read(descriptor, min(size, 1 << 20))
                if not part:
                    raise Ended
                parts.append(part)
                size -= len(part)
    return b"".join(parts)


def write(descriptor: int, data: bytes, end: float) -> None:
    """Write all of it.

    Raises TimeoutError at ``end`` (of `time.monotonic`) and BrokenPipeError.
    """
    left = memoryview(data)
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_WRITE)
        while left:
            _wait(selector, end)
            with contextlib.suppress(BlockingIOError):
                left = left[os.write(descriptor, left) :]


def _wait(selector: selectors.BaseSelector, end: float) -> None:
    """Wait until it is ready. One that always is meets its end all the same."""
    seconds = end - time.monotonic()
    if seconds <= 0 or not selector.select(seconds):
        raise TimeoutError
