"""JSON as the catalogue keeps it: compressed, as a body of 20 kB takes 4 then."""

from __future__ import annotations

import json
import zlib

from parsekit import JsonObject


def packed(value: JsonObject) -> bytes:
    """Write a JSON object for a column; half of a character becomes a question mark."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return zlib.compress(text.encode(errors="replace"))


def unpacked(column: bytes) -> JsonObject:
    """Read what `packed` wrote."""
    value: JsonObject = json.loads(zlib.decompress(column))
    return value
