"""A replay on standard input, kept in a temporary file for the length of its parse."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

from parsekit.errors import BadRequest, Cancelled
from parsekit.storage.os_errors import storage_errors
from parsekit.storage.workspace import workspace

_CHUNK_BYTES = 1 << 20
#: How often a wait for a slow writer looks whether it should stop, seconds.
_LOOK_EVERY_S = 0.2


def refuse_terminal() -> None:
    """Raise `BadRequest` rather than wait for somebody to type a replay."""
    if sys.stdin is None or sys.stdin.isatty():
        raise BadRequest("-: no replay on standard input; pipe one, as in parsekit parse - < FILE")


@contextmanager
def spooled(max_bytes: int, stop: Event) -> Iterator[Path]:
    """Standard input as a file, cut after the first byte too many, which the pipeline refuses.

    Raises `Cancelled` once ``stop`` is set, and the storage errors on a full disk.
    """
    with workspace() as folder:
        path = folder / "standard-input.replay"
        with storage_errors(path), path.open("wb") as file:
            left = max_bytes + 1
            while left and (chunk := _chunk(min(left, _CHUNK_BYTES), stop)):
                left -= file.write(chunk)
        yield path


def _chunk(size: int, stop: Event) -> bytes:
    descriptor = sys.stdin.fileno()
    while not stop.is_set():
        if select.select([descriptor], [], [], _LOOK_EVERY_S)[0]:
            return os.read(descriptor, size)
    raise Cancelled("-: stopped while waiting for standard input")
