"""What travels between parent and child: length-prefixed frames.

Parent to child are pickles, as the parent is trusted. Child to parent is JSON only: a parser that
a malicious replay has taken over can't make the parent run anything.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO, Any

from parsekit.errors import ParsekitError, error_for
from parsekit.model import Parsed, Replay
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


@dataclass(frozen=True, slots=True)
class Progress:
    """A step of the parser's."""

    value: float
    message: str


class OutOfMemory:
    """The parser met its limit of memory and said so."""


Answer = Progress | Parsed | ParsekitError | OutOfMemory


def understood(body: bytes) -> Answer:
    """Read what a child says, which may be anything. Raises ValueError for what makes no sense."""
    try:
        ((kind, value),) = json.loads(body, parse_constant=_refused).items()
        return _KINDS[kind](value)
    except (LookupError, TypeError, AttributeError, RecursionError, OverflowError) as exc:
        raise ValueError(f"an answer that makes no sense: {type(exc).__name__}") from exc


def _progress(value: Any) -> Progress:
    return Progress(_finite(value[0]), str(value[1]))


def _parsed(value: Any) -> Parsed:
    return Parsed(data=dict(value["data"]), warnings=tuple(map(str, value["warnings"])))


def _error(value: Any) -> ParsekitError:
    code, message, retry_after_s = value
    after_s = None if retry_after_s is None else _finite(retry_after_s)
    return error_for(str(code), str(message), retry_after_s=after_s)


_KINDS: Mapping[str, Callable[[Any], Answer]] = {
    "progress": _progress,
    "parsed": _parsed,
    "error": _error,
    "out_of_memory": lambda _: OutOfMemory(),
}


def _finite(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{number} is no number")
    return number


def _refused(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def receive(stream: IO[bytes]) -> bytes | None:
    """Read one frame; None at the end of the stream."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    size = _LENGTH.unpack(head)[0]
    body = stream.read(size)
    return body if len(body) == size else None
