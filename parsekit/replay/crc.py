"""The CRC that Rocket League writes beside the header and the content of a replay.

Polynomial 0x04C11DB7, most significant bit first, register starting at 0x10340DFE, inverted at
the end. zlib has the same polynomial with the bits of every byte, and of the register, the other
way round; so zlib on bytes with reversed bits does the work at memory speed.
"""

from __future__ import annotations

import zlib

_INITIAL = 0x10340DFE
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def _reverse32(word: int) -> int:
    return int(f"{word:032b}"[::-1], 2)


class ReplayCrc:
    """The CRC of data that arrives in pieces."""

    def __init__(self) -> None:
        # zlib inverts what it is given as well as what it gives back
        self._register = _reverse32(_INITIAL) ^ 0xFFFFFFFF

    def update(self, piece: bytes) -> None:
        """Take the next piece into account."""
        self._register = zlib.crc32(piece.translate(_REVERSED), self._register)

    @property
    def value(self) -> int:
        """The CRC of everything so far, as it stands in a replay."""
        return _reverse32(self._register)


def replay_crc(data: bytes) -> int:
    """Compute the CRC of data that is already in memory."""
    crc = ReplayCrc()
    crc.update(data)
    return crc.value
