"""From the bytes of a replay to typed columns, by way of ``subtr-actor-py``.

``subtr_actor.parse_replay`` gives one dictionary a frame. They are read once, each freed as soon
as it is read, so that the peak of memory is the library's own.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import subtr_actor

from parsekit_local.stream.columns import columns
from parsekit_local.stream.frames import Decoded, DecodeFailed

_NUM_FRAMES = re.compile(rb"NumFrames\x00\x0c\x00\x00\x00IntProperty\x00.{8}(.{4})", re.DOTALL)
_BROKEN_FRAME = re.compile(r"Current frame: (\d+)")
_ATTRIBUTE = re.compile(r"^attribute: (\S+)", re.MULTILINE)

#: Where the library's sentences turn into pages.
_REST = re.compile(r"\n| for actor id ")

#: After a cut the stream may prove broken earlier still; three cuts are enough for one update.
_CUTS = 3


def decode(data: bytes) -> Decoded:
    """Read the network stream of a whole replay file.

    A stream that becomes unreadable, because a game update brought an attribute that the library
    does not know, is read up to that frame. A replay without frames gives empty columns.

    Raises `DecodeFailed` when nothing of the stream can be read.
    """
    with _collector_paused():
        replay, warnings = _parse_what_is_readable(data)
        return Decoded(frames=columns(replay), warnings=tuple(warnings), complete=not warnings)


def _parse_what_is_readable(data: bytes) -> tuple[dict[str, Any], list[str]]:
    warnings: list[str] = []
    for _ in range(_CUTS):
        try:
            return subtr_actor.parse_replay(data), warnings
        except Exception as error:
            frame = _readable_frames(str(error), data)
            if not frame:
                raise _failure(error) from error
            warnings.append(_warning(error, frame))
            data = _with_frames(data, frame)
    raise DecodeFailed(f"the network stream can't be read: {warnings[-1]}")


def _readable_frames(message: str, data: bytes) -> int:
    broken = _BROKEN_FRAME.search(message)
    return int(broken[1]) if broken and _NUM_FRAMES.search(data) else 0


def _with_frames(data: bytes, count: int) -> bytes:
    """Let the header announce fewer frames; the library then leaves the others alone."""
    announced = _NUM_FRAMES.search(data)
    if announced is None:
        return data
    start, end = announced.span(1)
    return data[:start] + count.to_bytes(4, "little") + data[end:]


def _unknown_attribute(message: str) -> str | None:
    if "attribute unknown or not implemented" not in message:
        return None
    named = _ATTRIBUTE.search(message)
    return named[1] if named else None


def _reason(error: Exception) -> str:
    attribute = _unknown_attribute(str(error))
    if attribute:
        return f"the network attribute {attribute} is unknown to the decoder"
    reason = _REST.split(str(error).removeprefix("Error decoding frame: "), maxsplit=1)[0]
    return reason[:200].rstrip(". ") or "no reason given"


def _warning(error: Exception, frame: int) -> str:
    return f"{_reason(error)}: the match is read up to frame {frame} only"


def _failure(error: Exception) -> DecodeFailed:
    return DecodeFailed(
        f"the network stream can't be read: {_reason(error)}",
        attribute=_unknown_attribute(str(error)),
    )


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Spare the cycle collector millions of young dictionaries, none of them in a cycle.

    It would take a third of the parsing time. The pause is the whole process's: the host's children
    do one parse at a time, and of threads that overlap the one that paused it also ends the pause.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
