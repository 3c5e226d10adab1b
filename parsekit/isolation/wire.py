"""What travels between parent and child: length-prefixed frames.

Parent to child are pickles, as the parent is trusted. Child to parent is JSON only: a parser that
a malicious replay has taken over can't make the parent run anything.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import IO, Any

from parsekit.model import Replay
from parsekit.providers import ProviderContext

_LENGTH = struct.Struct("<I")
#: The largest answer that a parent takes; a full Ballchasing body has 20 to 40 KB.
MAX_ANSWER_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """One parse for a child: which parser, which replay, which limits (seconds, bytes)."""

    parser: str
    create: str
    context: ProviderContext
    replay: Replay
    task_id: str
    bulk: bool
    has_fallback: bool
    parse_seconds: float
    search_path: tuple[str, ...]


def send(stream: IO[bytes], body: bytes) -> None:
    """Write one frame."""
    stream.write(_LENGTH.pack(len(body)))
    stream.write(body)
    stream.flush()


def send_json(stream: IO[bytes], kind: str, value: Any) -> None:
    """Write one frame ``{kind: value}``. Raises ValueError for NaN and for what is not JSON."""
    send(stream, json.dumps({kind: value}, allow_nan=False).encode())


def receive(stream: IO[bytes]) -> bytes | None:
    """Read one frame; None at the end of the stream."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    size = _LENGTH.unpack(head)[0]
    body = stream.read(size)
    return body if len(body) == size else None
