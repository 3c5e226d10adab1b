"""The id of the match, as the header of a replay states it: the same in every player's recording.

An upload is answered before its replay is parsed, so the id is looked for in the header's bytes,
where replays since about 2025 have it as a property. Older ones tell it only in their stream, and
are known by their bytes alone.
"""

from __future__ import annotations

import re
from pathlib import Path

#: Headers have some kilobytes; what comes later is not looked at.
_HEADER_BYTES = 256 * 1024
#: Name, type, size and value of the property, each text with its length before it.
_PROPERTY = re.compile(
    rb"\n\0\0\0MatchG(?:UID|uid)\0\x0c\0\0\0StrProperty\0%\0{7}!\0\0\0([0-9A-Fa-f]{32})\0"
)


def match_id(replay: Path) -> str | None:
    """The id in the header of this file, 32 hex digits in capitals; None where there is none."""
    with replay.open("rb") as file:
        length = int.from_bytes(file.read(4), "little")
        found = _PROPERTY.search(file.read(min(length + 4, _HEADER_BYTES)))
    return found[1].decode().upper() if found else None
