"""Reading a damaged or hostile file: every step is checked, and a fault names its byte."""

from __future__ import annotations

import struct

from parsekit.errors import InvalidReplay

#: The longest text accepted, in characters. The longest seen in real files of 2015 to 2026 has
#: under 200; boxcars draws the same line.
MAX_TEXT = 10_000

#: Windows-1252 as browsers read it: the five bytes without a character stand for themselves.
_WINDOWS_1252 = "".join(
    bytes([code]).decode("cp1252", "ignore") or chr(code) for code in range(256)
)


class Cursor:
    """A position in the bytes of a replay file.

    ``base`` is where ``data`` starts in the file, so that faults name the file's own byte. Every
    method raises `InvalidReplay` when the bytes run out or can't be meant.
    """

    def __init__(self, data: bytes, *, base: int = 0) -> None:
        self._data = data
        self._at = 0
        self._base = base

    @property
    def left(self) -> int:
        """The number of bytes not yet read."""
        return len(self._data) - self._at

    def fault(self, reason: str) -> InvalidReplay:
        """Make the error for something wrong at this byte."""
        return InvalidReplay(
            f"the replay's header is broken at byte {self._base + self._at}: {reason}; "
            "the file is damaged, get it anew"
        )

    def take(self, count: int) -> bytes:
        """Read ``count`` bytes."""
        if count > self.left:
            raise self.fault(f"{count} bytes are announced and {self.left} are left")
        start, self._at = self._at, self._at + count
        return self._data[start : self._at]

    def int32(self) -> int:
        """Read a signed number of four bytes."""
        return int.from_bytes(self.take(4), "little", signed=True)

    def uint64(self) -> int:
        """Read an unsigned number of eight bytes."""
        return int.from_bytes(self.take(8), "little")

    def float32(self) -> float:
        """Read a float of four bytes."""
        number: float = struct.unpack("<f", self.take(4))[0]
        return number

    def text(self) -> str:
        """Read a text: its length with the closing NUL, negative for UTF-16, then its bytes."""
        length = self.int32()
        if abs(length) > MAX_TEXT:
            raise self.fault(f"a text of {abs(length)} characters, more than {MAX_TEXT}")
        if length < 0:
            return self.take(-2 * length).decode("utf-16-le", "replace")[:-1]
        return "".join(_WINDOWS_1252[code] for code in self.take(length)[:-1])
