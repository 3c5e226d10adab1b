"""Reading files of JSON lines that others write, damage among them, in flat memory.

What can't be read is passed over, counted, and named by file and line: a disk that was full, a
process that was killed or an editor may have left anything.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from parsekit.model import JsonObject

#: A longer line is no event, and is not taken into memory as a whole, bytes.
MAX_LINE_BYTES = 4 * 1024 * 1024
#: So many unread lines are named; the others are only counted.
NAMED = 5


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


@dataclass(frozen=True, slots=True)
class RecordLine:
    """One JSON object and where it stands (``analytics.jsonl:17``)."""

    where: str
    content: JsonObject


def read_lines(files: Iterable[Path], unread: Unread) -> Iterator[RecordLine]:
    """The objects of these files, in order. Raises OSError when a file can't be read."""
    for path in files:
        with path.open("rb") as file:
            for number, line in enumerate(_split(file), 1):
                where = f"{path.name}:{number}"
                found = _object(line)
                if isinstance(found, str):
                    unread.add(where, found)
                elif found is not None:
                    yield RecordLine(where, found)


def _split(file: BinaryIO) -> Iterator[bytes]:
    """The lines; of one that is too long only the beginning."""
    while line := file.readline(MAX_LINE_BYTES):
        yield line
        while len(line) == MAX_LINE_BYTES and not line.endswith(b"\n"):
            line = file.readline(MAX_LINE_BYTES)


def _object(line: bytes) -> JsonObject | str | None:
    """The object, None for an empty line, or what is wrong with it."""
    if not line.strip():
        return None
    if len(line) == MAX_LINE_BYTES:
        return f"longer than {MAX_LINE_BYTES >> 20} MiB"
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        return "no JSON" if line.endswith(b"\n") else "cut short"
    return content if isinstance(content, dict) else "no JSON object"
