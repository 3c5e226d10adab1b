"""From the bytes of a replay to typed columns, by the best reader that is there.

The native reader is fast and small, the dictionary reader knows what ``subtr-actor-py`` knows.
They give the same log. Where the native one can't read a stream to its end, a game update may be
newer than its table: the dictionary reader is asked too, and the longer log is taken.
"""

from __future__ import annotations

from parsekit_local.stream import dictionary, native, readers
from parsekit_local.stream.frames import Decoded, DecodeFailed
from parsekit_local.stream.interpretation import interpret
from parsekit_local.stream.partial import PartialLog, read_up_to_fault


def decode(data: bytes) -> Decoded:
    """Read the network stream of a whole replay file.

    A stream that becomes unreadable, because a game update brought an attribute that no reader
    knows, is read up to that frame. A replay without frames gives empty columns.

    Raises `DecodeFailed` when nothing of the stream can be read.
    """
    reader, reading, stale = _read(data)
    return Decoded(
        frames=interpret(reading.log),
        warnings=tuple(fault.warning for fault in reading.faults),
        complete=not reading.faults,
        reader=reader,
        native_fault=stale,
    )


def _read(data: bytes) -> tuple[readers.ReaderName, PartialLog, str | None]:
    """Give the reader's name, what it read, and why the native one did not read it to the end."""
    if readers.why_not_native():
        return "dictionary", read_up_to_fault(dictionary.read, data), None
    first: PartialLog | None = None
    try:
        first = read_up_to_fault(native.read, data)
        if not first.faults:
            return "native", first, None
        stale = first.faults[0].reason
    except DecodeFailed as error:
        stale = error.message
    try:
        second = read_up_to_fault(dictionary.read, data)
    except DecodeFailed:
        if first is None:
            raise
        return "native", first, stale
    if first is not None and first.log.frame_count >= second.log.frame_count:
        return "native", first, stale
    return "dictionary", second, stale
