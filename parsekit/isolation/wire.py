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
from parsekit.logs.redaction import short
from parsekit.model import Parsed, Replay
from parsekit.providers import ProviderContext

_LENGTH = struct.Struct("<I")
#: All that a parent hears about one replay. A full Ballchasing body has 20 to 40 KB, and hardly
#: ever 200. What is heard is decoded in the parent, which no limit of memory protects: empty lists
#: take over twenty times their bytes there, so that this much grows it by some 50 MB.
MAX_ANSWER_BYTES = 2 * 1024 * 1024
#: Characters of a step's and of an error's words, which go on to queues, logs and results.
MAX_STEP_CHARACTERS, MAX_ERROR_CHARACTERS = 200, 1000


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


def framed(body: bytes) -> bytes:
    """One frame."""
    return _LENGTH.pack(len(body)) + body


def send_json(stream: IO[bytes], kind: str, value: Any) -> None:
    """Write one frame ``{kind: value}``. Raises ValueError for NaN and for what is not JSON."""
    stream.write(framed(json.dumps({kind: value}, allow_nan=False).encode()))
    stream.flush()


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the parser's."""

    value: float
    message: str


class OutOfMemory:
    """The parser met its limit of memory and said so."""


class HasSecret:
    """The parser has read a secret, which the parent does not know and so could not mask."""


Answer = Step | Parsed | ParsekitError | OutOfMemory | HasSecret


def understood(body: bytes) -> Answer:
    """Read what a child says, which may be anything. Raises ValueError for what makes no sense."""
    try:
        ((kind, value),) = json.loads(body, parse_constant=_refused).items()
        return _KINDS[kind](value)
    except (LookupError, TypeError, AttributeError, RecursionError, OverflowError) as exc:
        raise ValueError(f"an answer that makes no sense: {type(exc).__name__}") from exc


def _step(value: Any) -> Step:
    return Step(_finite(value[0]), short(str(value[1]), MAX_STEP_CHARACTERS))


def _parsed(value: Any) -> Parsed:
    warnings = (short(str(each), MAX_ERROR_CHARACTERS) for each in value["warnings"])
    return Parsed(data=dict(value["data"]), warnings=tuple(warnings))


def _error(value: Any) -> ParsekitError:
    code, message, retry_after_s = value
    after_s = None if retry_after_s is None else _finite(retry_after_s)
    words = short(str(message), MAX_ERROR_CHARACTERS)
    return error_for(str(code), words, retry_after_s=after_s)


_KINDS: Mapping[str, Callable[[Any], Answer]] = {
    "progress": _step,
    "parsed": _parsed,
    "error": _error,
    "out_of_memory": lambda _: OutOfMemory(),
    "has_secret": lambda _: HasSecret(),
}


def _finite(value: Any) -> float:
    if not isinstance(value, int | float):  # float() would repeat a text in its complaint
        raise TypeError
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
