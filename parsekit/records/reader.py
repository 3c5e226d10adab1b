"""Reading files of JSON lines that others write, damage among them, in flat memory.

What can't be read is passed over, counted, and named by file and line: a disk that was full, a
process that was killed or an editor may have left anything.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol, TypeVar

from parsekit.events import moment
from parsekit.model import JsonObject

Record = TypeVar("Record")

#: A longer line is no event, and is not taken into memory as a whole, bytes.
MAX_LINE_BYTES = 4 * 1024 * 1024
#: So many unread lines are named; the others are only counted.
NAMED = 5
#: Lines are read, and passed over, in blocks of this size, bytes.
_BLOCK_BYTES = 256 * 1024
#: The time of a record, as all our writers write it.
_AT = re.compile(rb'"at":"([0-9T:.-]{23}Z)"')


@dataclass(slots=True)
class Unread:
    """Lines that were passed over: how many, and where the first of them stand, and why."""

    count: int = 0
    named: list[str] = field(default_factory=list)

    def add(self, where: str, why: str) -> None:
        """One more."""
        self.count += 1
        if len(self.named) < NAMED:
            self.named.append(f"{where}: {why}")

    def to_json(self) -> JsonObject:
        """The published form in summaries."""
        return {"count": self.count, "first": list(self.named)}


class Wanted(Protocol):
    """What a reader looks for, told from the bytes before anything is decoded."""

    def may_be_in(self, lines: bytes) -> bool:
        """False where none of these whole lines can be wanted."""


class Everything:
    """No line is passed over."""

    def may_be_in(self, lines: bytes) -> bool:
        """Anything may."""
        del lines
        return True


class Since:
    """Records of this time, seconds since 1970, and later ones."""

    def __init__(self, since_unix: float) -> None:
        self._since = moment(since_unix).encode()

    def may_be_in(self, lines: bytes) -> bool:
        """Times as we write them have one length, so that they compare as texts."""
        times = _AT.findall(lines)
        return len(times) != lines.count(b"\n") or max(times) >= self._since


def read_records(
    files: Iterable[Path],
    decode: Callable[[bytes], Record],
    unread: Unread,
    *,
    other: str,
    wanted: Wanted | None = None,
) -> Iterator[Record]:
    """What ``decode`` makes of each line, in order; what it can't read is added to ``unread``.

    ``decode`` raises ValueError or RecursionError for a line that it can't read; ``other`` says
    what that is where it is a JSON object. Raises OSError when a file can't be read.
    """
    wanted = wanted or Everything()
    for path in files:
        before = 0
        with path.open("rb") as file:
            for block in _blocks(file):
                if wanted.may_be_in(block):
                    lines = block.split(b"\n")
                    for number, line in enumerate(lines, before + 1):
                        try:
                            record = decode(line)
                        except (ValueError, RecursionError):
                            if line.strip():
                                why = _fault(line, other, cut=number == before + len(lines))
                                unread.add(f"{path.name}:{number}", why)
                        else:
                            yield record
                before += block.count(b"\n")


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    """Whole lines, many at once; of one that is too long only the beginning."""
    while block := file.read(_BLOCK_BYTES):
        if block.endswith(b"\n"):
            yield block
            continue
        rest = more = file.readline(MAX_LINE_BYTES)
        while len(more) == MAX_LINE_BYTES and not more.endswith(b"\n"):
            more = file.readline(MAX_LINE_BYTES)
        yield block + rest + (b"" if rest.endswith(b"\n") or not more.endswith(b"\n") else b"\n")


def _fault(line: bytes, other: str, *, cut: bool) -> str:
    """Why a line can't be read."""
    if len(line) >= MAX_LINE_BYTES:
        return f"longer than {MAX_LINE_BYTES >> 20} MiB"
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        return "cut short" if cut else "no JSON"
    return other if isinstance(content, dict) else "no JSON object"
