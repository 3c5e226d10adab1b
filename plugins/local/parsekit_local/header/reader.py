"""Tier 0: the header of a replay, in milliseconds and with the standard library alone.

A replay file is ``i32 size, u32 crc, header, i32 size, u32 crc, body``; see ``docs/format.md``. The
host has compared both checksums before a parser sees the file, so none is computed here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from parsekit.errors import InvalidReplay, ReplayNotFound
from parsekit_local.header.cursor import Cursor
from parsekit_local.header.properties import Properties, read_properties

#: The largest header accepted. Real ones have 1 to 30 kB.
MAX_HEADER_BYTES = 4_000_000
_PREFIX_BYTES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What stands before the network stream.

    ``net_version`` is None in files from before it existed (2017). ``properties`` are the header's
    values under the game's own names.
    """

    major_version: int
    minor_version: int
    net_version: int | None
    game_type: str
    properties: Properties


def read_header(path: Path) -> Header:
    """Read the header of a file; the rest of the file is not touched.

    Raises `InvalidReplay` naming the byte at fault, `ReplayNotFound` when the file can't be read.
    """
    try:
        with path.open("rb") as file:
            prefix = file.read(_PREFIX_BYTES)
            data = file.read(_header_bytes(prefix))
    except OSError as error:
        raise ReplayNotFound(f"{path.name} can't be read: {error.strerror}") from error
    return parse_header(prefix + data)


def parse_header(data: bytes) -> Header:
    """Read the header at the start of ``data``. Raises `InvalidReplay`."""
    size_bytes = _header_bytes(data[:_PREFIX_BYTES])
    whole = Cursor(data[_PREFIX_BYTES : _PREFIX_BYTES + size_bytes], base=_PREFIX_BYTES)
    if whole.left < size_bytes:
        raise InvalidReplay(
            f"the replay ends after {len(data)} bytes, inside its header of {size_bytes}; "
            "the file is cut, get it anew"
        )
    return _header(whole)


def _header_bytes(prefix: bytes) -> int:
    size_bytes = int.from_bytes(prefix[:4], "little", signed=True)
    if len(prefix) < _PREFIX_BYTES or not 0 < size_bytes <= MAX_HEADER_BYTES:
        raise InvalidReplay(
            f"the replay's header is broken at byte 0: its size is {size_bytes} bytes, which is "
            f"not between 1 and {MAX_HEADER_BYTES}; this is no replay file"
        )
    return size_bytes


def _header(cursor: Cursor) -> Header:
    major, minor = cursor.int32(), cursor.int32()
    # two comparisons on purpose: 868.12 has no net version, though 868 > 865
    net = cursor.int32() if major > 865 and minor > 17 else None  # noqa: PLR2004
    return Header(
        major_version=major,
        minor_version=minor,
        net_version=net,
        game_type=cursor.text(),
        # the first files (version 0.0, 2015) store a flag in four bytes
        properties=read_properties(cursor, bool_bytes=4 if (major, minor) == (0, 0) else 1),
    )
