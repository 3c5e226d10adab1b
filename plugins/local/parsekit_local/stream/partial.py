"""Reading as much of a stream as can be read: up to the frame that breaks it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from parsekit_local.stream.frames import DecodeFailed
from parsekit_local.stream.log import ReadFailed, StreamLog

#: Reads a whole replay file; raises `ReadFailed` where the stream can't be read to its end.
Reader: TypeAlias = Callable[[bytes], StreamLog]

_NUM_FRAMES = re.compile(rb"NumFrames\x00\x0c\x00\x00\x00IntProperty\x00.{8}(.{4})", re.DOTALL)
_BROKEN_FRAME = re.compile(r"Current frame: (\d+)")
_ATTRIBUTE = re.compile(r"^attribute stream id: \d+\nattribute: (\S+)", re.MULTILINE)

#: Where boxcars' sentences turn into pages.
_REST = re.compile(r"\n| for actor id ")

#: After a cut the stream may prove broken earlier still; three cuts are enough for one update.
_CUTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadFault:
    """Why a stream can't be read to its end.

    ``attribute`` is the network attribute that boxcars does not know, where that is the reason;
    ``frame`` the first frame that can't be read, 0 where nothing can.
    """

    reason: str
    attribute: str | None
    frame: int

    @property
    def warning(self) -> str:
        """A sentence for people about what is missing."""
        return f"{self.reason}: the match is read up to frame {self.frame} only"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PartialLog:
    """What could be read, and the faults that ended it; none where the log is whole."""

    log: StreamLog
    faults: tuple[ReadFault, ...] = ()


def read_up_to_fault(read: Reader, data: bytes) -> PartialLog:
    """Read a file; where a frame is broken, read it anew up to that frame.

    Raises `DecodeFailed` when nothing of the stream can be read.
    """
    faults: tuple[ReadFault, ...] = ()
    for _ in range(_CUTS):
        try:
            return PartialLog(log=read(data), faults=faults)
        except ReadFailed as error:
            fault = _fault(str(error), data)
            if not fault.frame:
                raise DecodeFailed(
                    f"the network stream can't be read: {fault.reason}", attribute=fault.attribute
                ) from error
            faults += (fault,)
            data = _with_frames(data, fault.frame)
    raise DecodeFailed(f"the network stream can't be read: {faults[-1].warning}")


def _fault(message: str, data: bytes) -> ReadFault:
    broken = _BROKEN_FRAME.search(message)
    unknown = _ATTRIBUTE.search(message)
    return ReadFault(
        reason=_reason(message, unknown[1] if unknown else None),
        attribute=unknown[1] if unknown else None,
        frame=int(broken[1]) if broken and _NUM_FRAMES.search(data) else 0,
    )


def _reason(message: str, attribute: str | None) -> str:
    if attribute:
        return f"the network attribute {attribute} is unknown to the decoder"
    reason = _REST.split(message.removeprefix("Error decoding frame: "), maxsplit=1)[0]
    return reason[:200].rstrip(". :") or "no reason given"


def _with_frames(data: bytes, count: int) -> bytes:
    """Let the header announce fewer frames; the reader then leaves the others alone."""
    announced = _NUM_FRAMES.search(data)
    if announced is None:
        return data
    start, end = announced.span(1)
    return data[:start] + count.to_bytes(4, "little") + data[end:]
