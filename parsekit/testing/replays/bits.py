"""Bit strings and the encodings of the network stream, least significant bit first.

The formats are those that boxcars, jjbott's RocketLeagueReplayParser and rattletrap read for
network version 7 and later; every encoder here has been checked by decoding with boxcars.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from parsekit.testing.replays.properties import text

_FLUSH_BYTES = 4096
#: Exclusive upper bound of a vector's size field since network version 7.
_VECTOR_SIZES = 22
_QUATERNION_BITS = 18
_QUATERNION_TOP = (1 << _QUATERNION_BITS) - 1


class Bits(NamedTuple):
    """``width`` bits, the first of them being the lowest of ``value``."""

    value: int
    width: int


class Vector(NamedTuple):
    """A place in uu (about a centimetre), or a velocity in uu/s."""

    x: float
    y: float
    z: float


def join(parts: Iterable[Bits]) -> Bits:
    """Put bit strings one after the other."""
    value = width = 0
    for part in parts:
        value |= part.value << width
        width += part.width
    return Bits(value, width)


def to_bytes(parts: Iterable[Bits]) -> bytes:
    """Put bit strings one after the other and fill the last byte with zeros."""
    return b"".join(_pieces(parts))


def _pieces(parts: Iterable[Bits]) -> Iterator[bytes]:
    # one number for the whole stream would cost quadratic time
    value = width = 0
    for part in parts:
        value |= part.value << width
        width += part.width
        if width >= 8 * _FLUSH_BYTES:
            whole = width // 8
            yield (value & ((1 << 8 * whole) - 1)).to_bytes(whole, "little")
            value >>= 8 * whole
            width -= 8 * whole
    yield value.to_bytes((width + 7) // 8, "little")


def bit(value: int) -> Bits:
    """Encode a switch, 0 or 1."""
    return Bits(int(value), 1)


def byte(value: int) -> Bits:
    """Encode an unsigned number of eight bits."""
    return Bits(value, 8)


def int32(value: int) -> Bits:
    """Encode a number of 32 bits."""
    return Bits(value & 0xFFFFFFFF, 32)


def uint64(value: int) -> Bits:
    """Encode an unsigned number of 64 bits."""
    return Bits(value, 64)


def float32(value: float) -> Bits:
    """Encode a float of 32 bits."""
    return Bits(int.from_bytes(struct.pack("<f", value), "little"), 32)


def string(value: str) -> Bits:
    """Encode a text as in the header, at any bit."""
    raw = text(value)
    return Bits(int.from_bytes(raw, "little"), 8 * len(raw))


def below(value: int, limit: int) -> Bits:
    """Encode a number smaller than ``limit``; the last bit is left out where it must be 0."""
    if not 0 <= value < limit:
        raise ValueError(f"{value} is not below {limit}")
    sure = limit.bit_length() - 1
    low = value & ((1 << sure) - 1)
    return Bits(value, sure if low + (1 << sure) >= limit else sure + 1)


def whole_vector(x: int, y: int, z: int) -> Bits:
    """Encode three whole numbers with as many bits as the largest needs."""
    size = max(0, max(abs(x), abs(y), abs(z)).bit_length() - 1)
    bias, width = 1 << (size + 1), size + 2
    numbers = (Bits(number + bias, width) for number in (x, y, z))
    return join((below(size, _VECTOR_SIZES), *numbers))


def vector(place: Vector) -> Bits:
    """Encode a vector in hundredths."""
    return whole_vector(round(place.x * 100), round(place.y * 100), round(place.z * 100))


def heading(yaw: float) -> Bits:
    """Encode a turn by ``yaw`` radians about the vertical, as the parts of a quaternion."""
    half = math.remainder(yaw, math.tau) / 2
    z, w = math.sin(half), math.cos(half)
    if abs(z) > w:
        # q and -q are the same turn, and the part left out is taken to be positive
        return _quaternion(2, (0.0, 0.0, math.copysign(w, w * z)))
    return _quaternion(3, (0.0, 0.0, z))


def _quaternion(largest: int, others: tuple[float, float, float]) -> Bits:
    scaled = (round((part * math.sqrt(2) + 1) / 2 * _QUATERNION_TOP) for part in others)
    return join((Bits(largest, 2), *(Bits(part, _QUATERNION_BITS) for part in scaled)))


def rotation(yaw: float) -> Bits:
    """Encode a turn about the vertical as a new actor has it: 256 steps, absent when 0."""
    steps = round(yaw / math.tau * 256) & 0xFF
    # boxcars calls the first of the three yaw; the game stores pitch, yaw, roll
    turned = join((bit(True), byte(steps))) if steps else bit(False)
    return join((bit(False), turned, bit(False)))
