"""Check the envelope of a replay: lengths and CRCs of header and content.

A replay is ``i32 length, u32 CRC, header, i32 length, u32 CRC, content``, little-endian, and
nothing else; so it has been since 2015. Reading is by pieces of bounded size: a length field is
compared with the size of the file and never believed.
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from parsekit.errors import (
    InvalidReplay,
    ParsekitError,
    ReplayNotFound,
    ReplayTooLarge,
    StorageDenied,
    StorageUnavailable,
)
from parsekit.replay.crc import ReplayCrc
from parsekit.replay.file_types import SNIFF_BYTES, looks_like

_PREFIX_BYTES = 8
#: Headers of 27 real replays of 2015 to 2026 have 0.5 to 11 kB.
_HEADER_LIMIT_BYTES = 4 * 1024 * 1024
_PIECE_BYTES = 256 * 1024
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """The sizes of a replay that is whole: both CRCs agree and nothing follows."""

    header_bytes: int
    content_bytes: int
    size_bytes: int


def check_envelope(path: Path, *, max_bytes: int) -> Envelope:
    """Make sure that this file is one whole, undamaged replay of at most ``max_bytes``.

    Raises `InvalidReplay` with what is wrong, `ReplayTooLarge` before anything is read,
    `ReplayNotFound` for a file that is not (or no longer) there, `StorageDenied` for one that
    this process may not read, and `StorageUnavailable`, worth another try, when reading fails.
    """
    try:
        with FileIO(path, opener=_open) as file:
            return _check(file, max_bytes)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def _open(name: str, flags: int) -> int:
    # without O_NONBLOCK a named pipe would hold us until somebody writes to it
    return os.open(name, flags | os.O_NONBLOCK)


def _unreadable(path: Path, error: OSError | ValueError) -> ParsekitError:
    name = repr(str(path))
    if isinstance(error, IsADirectoryError):
        return InvalidReplay(f"{name} is a folder, not a replay file")
    if isinstance(error, PermissionError):
        return StorageDenied(f"may not read {name}; change its permissions")
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return ReplayNotFound(f"there is no file {name}")
    if isinstance(error, ValueError) or error.errno in (errno.ELOOP, errno.ENAMETOOLONG):
        return ReplayNotFound(f"{name} can't be the name of a file: {error}")
    return StorageUnavailable(f"reading {name} failed: {error.strerror}")


def _check(file: FileIO, max_bytes: int) -> Envelope:
    size_bytes = _size(file, max_bytes)
    header_bytes = _check_header(file, size_bytes)
    left_bytes = size_bytes - _PREFIX_BYTES - header_bytes
    content_bytes = _check_section(file, "content", left_bytes, limit_bytes=max_bytes)
    extra_bytes = left_bytes - _PREFIX_BYTES - content_bytes
    if extra_bytes:
        raise InvalidReplay(
            f"{extra_bytes} bytes follow the end of the replay, which itself is whole; cut them off"
        )
    return Envelope(header_bytes=header_bytes, content_bytes=content_bytes, size_bytes=size_bytes)


def _size(file: FileIO, max_bytes: int) -> int:
    facts = os.fstat(file.fileno())
    if not stat.S_ISREG(facts.st_mode):
        raise InvalidReplay("this is a pipe or a device, not a replay file")
    if facts.st_size == 0:
        raise InvalidReplay("the file is empty; copy or download it again")
    if facts.st_size > max_bytes:
        raise ReplayTooLarge(
            f"the file has {facts.st_size / _MIB:.1f} MiB, more than the {max_bytes / _MIB:.1f} MiB"
            " of limits.replay_bytes; raise the limit if this is a replay"
        )
    return facts.st_size


def _check_header(file: FileIO, size_bytes: int) -> int:
    try:
        return _check_section(file, "header", size_bytes, limit_bytes=_HEADER_LIMIT_BYTES)
    except InvalidReplay as damage:
        file.seek(0)
        kind = looks_like(file.read(SNIFF_BYTES))
        if kind:
            raise InvalidReplay(f"this is {kind}, not a replay") from damage
        raise


def _check_section(file: FileIO, name: str, left_bytes: int, *, limit_bytes: int) -> int:
    """Check the section that begins here and has at most ``left_bytes``; return its length."""
    prefix = file.read(_PREFIX_BYTES)
    if len(prefix) < _PREFIX_BYTES:
        raise InvalidReplay(
            f"truncated: the file ends {len(prefix)} bytes into the length of the {name};"
            " copy or download it again"
        )
    length_bytes = int.from_bytes(prefix[:4], "little", signed=True)
    wanted_crc = int.from_bytes(prefix[4:], "little")
    if not 0 < length_bytes <= limit_bytes:
        raise InvalidReplay(
            f"the {name} claims to have {length_bytes} bytes, which none has;"
            " the file is damaged or not a replay"
        )
    _check_crc(file, name, length_bytes, left_bytes - _PREFIX_BYTES, wanted_crc)
    return length_bytes


def _check_crc(
    file: FileIO, name: str, length_bytes: int, left_bytes: int, wanted_crc: int
) -> None:
    missing_bytes = length_bytes - left_bytes
    crc = ReplayCrc()
    if missing_bytes <= 0:
        # counts again: the file may shrink while we read
        missing_bytes = _feed(file, length_bytes, crc)
    if missing_bytes > 0:
        raise InvalidReplay(
            f"truncated: the last {missing_bytes} of {length_bytes} bytes of the {name} are"
            " missing; copy or download it again"
        )
    if crc.value != wanted_crc:
        raise InvalidReplay(
            f"the {name} is damaged: its CRC is {crc.value:08x} and should be {wanted_crc:08x};"
            " copy or download it again"
        )


def _feed(file: FileIO, length_bytes: int, crc: ReplayCrc) -> int:
    """Read ``length_bytes`` into the CRC; return how many of them were not there."""
    while length_bytes and (piece := file.read(min(length_bytes, _PIECE_BYTES))):
        crc.update(piece)
        length_bytes -= len(piece)
    return length_bytes
