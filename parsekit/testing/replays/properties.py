"""Encode the named, typed values that make up a replay's header."""

from __future__ import annotations

import struct
from collections.abc import Iterable


def text(value: str) -> bytes:
    """Encode a text: signed length with the closing NUL, negative for UTF-16, then its bytes."""
    try:
        narrow = value.encode("cp1252") + b"\0"
    except UnicodeEncodeError:
        wide = value.encode("utf-16-le") + b"\0\0"
        return struct.pack("<i", -(len(wide) // 2)) + wide
    return struct.pack("<i", len(narrow)) + narrow


def block(properties: Iterable[bytes]) -> bytes:
    """Join properties to a list that ends with ``None``."""
    return b"".join(properties) + text("None")


def int_property(name: str, value: int) -> bytes:
    """Encode a signed number of four bytes."""
    return _property(name, "IntProperty", struct.pack("<i", value))


def qword_property(name: str, value: int) -> bytes:
    """Encode an unsigned number of eight bytes."""
    return _property(name, "QWordProperty", struct.pack("<Q", value))


def float_property(name: str, value: float) -> bytes:
    """Encode a float of four bytes."""
    return _property(name, "FloatProperty", struct.pack("<f", value))


def bool_property(name: str, *, value: bool) -> bytes:
    """Encode a switch, whose one byte the size leaves out."""
    return text(name) + text("BoolProperty") + bytes(8) + bytes([value])


def str_property(name: str, value: str) -> bytes:
    """Encode a text that people wrote."""
    return _property(name, "StrProperty", text(value))


def name_property(name: str, value: str) -> bytes:
    """Encode a text from the game's own table of names."""
    return _property(name, "NameProperty", text(value))


def enum_property(name: str, kind: str, value: str) -> bytes:
    """Encode one of the values of an enumeration."""
    return _property(name, "ByteProperty", text(kind) + text(value))


def array_property(name: str, blocks: list[bytes]) -> bytes:
    """Encode a list of property lists."""
    return _property(name, "ArrayProperty", struct.pack("<i", len(blocks)) + b"".join(blocks))


def _property(name: str, kind: str, value: bytes) -> bytes:
    return text(name) + text(kind) + struct.pack("<II", len(value), 0) + value
