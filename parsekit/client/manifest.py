"""What was sent and how it ended, on disk, so that an interrupted back-fill can go on."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from parsekit.errors import ConfigInvalid
from parsekit.model import JsonObject
from parsekit.storage.atomic import Folder
from parsekit.storage.os_errors import storage_errors


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One replay as the user named it, its key in the storage, and the task made for it."""

    replay: str
    key: str
    task_id: str


#: The members of the line of a task that is about to be sent, and of one that has ended.
_BEGUN, _ENDED = frozenset({"replay", "key", "task_id"}), frozenset({"task_id", "ended"})
#: How the first line begins.
_OPENING = b'{"replay": "'


class Manifest:
    """Lines of JSON, appended: one when a task is about to be sent, one when it has ended.

    A task that was sent and has no end is sent again under the same id, which does no harm: the
    service answers a task once, however often it is delivered. Without a path nothing is kept. A
    line that was cut short, as the process was killed or the disk was full, is taken out; a file
    that is no manifest stays as it is. Raises `ConfigInvalid` for one, or where none can be kept.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._entries: dict[str, Entry] = {}
        self._ended: set[str] = set()
        if path is not None:
            self._open(path)

    def find(self, replay: str) -> Entry | None:
        """What was made of this replay before."""
        return self._entries.get(replay)

    def ended(self, entry: Entry) -> bool:
        """Whether its task had ended before."""
        return entry.task_id in self._ended

    def begin(self, entry: Entry) -> None:
        """Keep an entry, before its task is sent. Raises the storage errors, as `end` does."""
        self._entries[entry.replay] = entry
        self._append(asdict(entry))

    def end(self, entry: Entry, outcome: JsonObject) -> None:
        """Keep how its task ended."""
        self._ended.add(entry.task_id)
        error = outcome["error"]
        self._append({"task_id": entry.task_id, "ended": error["code"] if error else "ok"})

    def _append(self, line: JsonObject) -> None:
        if self._path is None:
            return
        with storage_errors(self._path), _opened(self._path) as file:
            file.write(json.dumps(line).encode() + b"\n")

    def _open(self, path: Path) -> None:
        """Take over what stands there; one that can't be written is reported before any work."""
        try:
            with _opened(path) as file:
                self._load(path, file)
        except OSError as exc:
            reason = (exc.strerror or str(exc)).lower()
            raise ConfigInvalid(
                f"{path}: can't be a manifest: {reason}; name a file that can be read and written"
            ) from exc

    def _load(self, path: Path, file: IO[bytes]) -> None:
        file.seek(0)
        *lines, tail = file.read().split(b"\n")
        for number, text in enumerate(lines, start=1):
            self._take(_decoded(text), f"{path}: line {number}")
        if not lines and not _may_be_cut(tail):
            raise _no_line(f"{path}: line 1")
        if tail:
            file.truncate(file.tell() - len(tail))

    def _take(self, line: Any, place: str) -> None:
        if not _is_ours(line):
            raise _no_line(place)
        if "ended" in line:
            self._ended.add(line["task_id"])
        else:
            entry = Entry(**line)
            self._entries[entry.replay] = entry


def _opened(path: Path) -> IO[bytes]:
    """A file of this user's, which is only ever appended to. Raises OSError."""
    with Folder.open(path.parent) as folder:
        return os.fdopen(folder.own_file(path.name, os.O_RDWR | os.O_APPEND | os.O_CREAT), "a+b")


def _no_line(place: str) -> ConfigInvalid:
    return ConfigInvalid(f"{place} is no line of a manifest; name another file")


def _decoded(text: bytes) -> Any:
    """The JSON value of a line; None where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _is_ours(line: Any) -> bool:
    named = isinstance(line, dict) and line.keys() in (_BEGUN, _ENDED)
    return named and all(isinstance(value, str) for value in line.values())


def _may_be_cut(tail: bytes) -> bool:
    """Whether this may be what came to the disk of the first line; else the file is another's."""
    line = _decoded(tail)
    if line is not None:
        return _is_ours(line)
    return tail.startswith(_OPENING) or _OPENING.startswith(tail)
