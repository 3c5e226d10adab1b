"""What travels between the host and the process that parses one replay: length-prefixed frames.

The host sends pickles, as it is trusted. The process answers JSON only, and each answer repeats the
id of its request: a parser that a malicious replay has taken over can neither make the host run
anything nor speak for another replay.
"""

from __future__ import annotations

import json
import math
import socket
import struct
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from traceback import format_exception
from typing import TYPE_CHECKING, Any, NamedTuple

from parsekit.errors import (
    InvalidReplay,
    ParsekitError,
    ParserFailed,
    PluginFailed,
    ReplayNotFound,
)
from parsekit.json_text import NOT_ENCODED, NotJson
from parsekit.model import Parsed, Replay
from parsekit.providers import ProviderContext
from parsekit.redaction.secrets import cleaned, short

if TYPE_CHECKING:
    from parsekit.body.timeline import Timeline

#: All that the host reads about one replay. A full Ballchasing body has 20 to 40 KB, and hardly
#: ever 200; a timeline of five minutes with six players 0.5 MB. What is read is decoded in the
#: host, which no limit of memory protects: empty lists take over twenty times their bytes there, so
#: that this much grows it by some 50 MB.
MAX_REPLY_BYTES = 2 * 1024 * 1024
#: Characters of a step's and of an error's words, which go on to queues, logs and results.
MAX_STEP_CHARACTERS, MAX_ERROR_CHARACTERS = 200, 1000
#: Characters of the traceback of a parser's exception, which goes to the log.
MAX_TRACEBACK_CHARACTERS = 4000

#: A parse's number, which is also the name of its folder.
PARSE_NUMBER = struct.Struct("<Q")
_LENGTH = struct.Struct("<I")

#: What a parser may say of a replay. Waits and quotas are a remote parser's business, and what
#: became of the task or the configuration is the host's.
_LOCAL_ERRORS = {
    kind.code: kind for kind in (ParserFailed, InvalidReplay, ReplayNotFound, PluginFailed)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ParserSpec:
    """Which parser: its name, where its class stands (``module:name``), and what makes it.

    ``search_path`` is where modules are looked for. ``strict`` confines the parser to a list of
    system calls (`parsekit.providers.ParserEntry.confinement`).
    """

    parser: str
    create: str
    context: ProviderContext
    search_path: tuple[str, ...]
    strict: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ParseRequest:
    """One parse: of which replay, for which task, for at most how long.

    ``timeline`` asks for one beside the body.
    """

    replay: Replay
    task_id: str
    bulk: bool
    has_fallback: bool
    parse_seconds: float
    timeline: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What a fork server is started for. ``folder`` holds a folder for the replay of each parse.

    ``niceness`` 1 to 19 takes only the time that nobody else wants.
    """

    spec: ParserSpec
    memory_bytes: int
    niceness: int
    folder: Path


class Descriptors(NamedTuple):
    """What a parse is given: its conversation with the host, the server's about it, its stderr."""

    conversation: int
    supervision: int
    stderr: int


@dataclass(frozen=True, slots=True)
class ProgressStep:
    """The parser came to a step."""

    value: float
    message: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The parser raised this."""

    error: ParsekitError


class OutOfMemory:
    """The parser reached its limit of memory and said so."""


class HasSecret:
    """The parser has read a secret, which the host does not know and so could not mask."""


Reply = ProgressStep | Parsed | Failed | OutOfMemory | HasSecret


class Closed(Exception):
    """The other end was closed."""


class ProgressFilter:
    """Which steps are reported: those that are at least a whole percentage above the last."""

    def __init__(self) -> None:
        self._last = -math.inf

    def passes(self, value: float) -> bool:
        """Whether to report a step to this percentage; from then on it counts as reported."""
        value = min(100.0, max(0.0, value))
        if value < self._last + 1:
            return False
        self._last = value
        return True


def frame(body: bytes) -> bytes:
    """One frame."""
    return _LENGTH.pack(len(body)) + body


def receive(connection: socket.socket, deadline: float, *, max_bytes: int = 1 << 30) -> bytes:
    """Receive one frame.

    ``deadline`` is a time of `time.monotonic`; nothing that the other side does makes this wait
    longer. Raises TimeoutError, `Closed`, and ValueError for a frame above ``max_bytes``.
    """
    size = _LENGTH.unpack(_receive_exactly(connection, _LENGTH.size, deadline))[0]
    if size > max_bytes:
        raise ValueError(f"more than {MAX_REPLY_BYTES >> 20} MiB about one replay")
    return _receive_exactly(connection, size, deadline)


def _receive_exactly(connection: socket.socket, size: int, deadline: float) -> bytes:
    parts: list[bytes] = []
    while size:
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        connection.settimeout(left_s)
        try:
            part = connection.recv(min(size, 1 << 20))
        except ConnectionError:  # closed with something unread
            raise Closed from None
        if not part:
            raise Closed
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def traceback_of(exc: BaseException) -> str:
    """Where a parser raised, without secrets; of a long one the end, which names the error."""
    return cleaned("".join(format_exception(exc)))[-MAX_TRACEBACK_CHARACTERS:]


def with_traceback(error: ParsekitError, traceback: str) -> ParsekitError:
    """Note where a parser raised ("": not known) below its error, wherever that is shown."""
    if traceback:
        error.add_note(cleaned(traceback[-MAX_TRACEBACK_CHARACTERS:]))
    return error


def encode_reply(request_id: str, kind: str, value: Any) -> bytes:
    """One frame of the answer. Raises `NotJson`."""
    try:
        return frame(json.dumps([request_id, kind, value], allow_nan=False).encode())
    except NOT_ENCODED as exc:
        raise NotJson.of(value["data"] if kind == "parsed" else value, exc) from exc


def decode_reply(body: bytes, request_id: str) -> Reply:
    """Read what a process answers, which may be anything.

    Raises ValueError for what makes no sense and for an answer to another request.
    """
    try:
        answered_id, kind, value = json.loads(body, parse_constant=_refuse_constant)
        if answered_id != request_id:
            raise ValueError("an answer to another request")
        return _KINDS[kind](value)
    except (LookupError, TypeError, AttributeError, RecursionError, OverflowError) as exc:
        raise ValueError(f"an answer that makes no sense: {type(exc).__name__}") from exc


def _step(value: Any) -> ProgressStep:
    percentage, message = value
    return ProgressStep(_finite(percentage), short(str(message), MAX_STEP_CHARACTERS))


def _parsed(value: Any) -> Parsed:
    warnings = (short(str(each), MAX_ERROR_CHARACTERS) for each in value["warnings"])
    return Parsed(
        data=dict(value["data"]),
        warnings=tuple(warnings),
        notice=short(str(value.get("notice", "")), MAX_ERROR_CHARACTERS),
        reader=short(str(value.get("reader", "")), MAX_STEP_CHARACTERS),
        timeline=_timeline(value.get("timeline")),
    )


def _timeline(value: Any) -> Timeline | None:
    if value is None:
        return None
    from parsekit.body.timeline import Timeline  # noqa: PLC0415  (few ask for one)

    return Timeline.from_json(value)


def _failed(value: Any) -> Failed:
    code, message, traceback = (str(each) for each in value)
    words = short(message, MAX_ERROR_CHARACTERS)
    return Failed(with_traceback(_LOCAL_ERRORS.get(code, ParserFailed)(words), traceback))


_KINDS: Mapping[str, Callable[[Any], Reply]] = {
    "progress": _step,
    "parsed": _parsed,
    "error": _failed,
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


def _refuse_constant(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
