"""What was sent and how it ended, on disk, so that an interrupted back-fill can go on."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import msgspec

from parsekit.errors import ConfigInvalid
from parsekit.model import JsonObject
from parsekit.records.writer import append_whole
from parsekit.storage.atomic import Folder
from parsekit.storage.os_errors import storage_errors


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One replay as the user named it, its key in the storage, and the task made for it.

    ``sent_unix`` is when it was sent, seconds since 1970; 0 where it was not, as far as is known.
    """

    replay: str
    key: str
    task_id: str
    sent_unix: float = 0.0


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    """Of a task that is about to be sent (three names), that was sent, or that has ended."""

    task_id: str
    replay: str | None = None
    key: str | None = None
    sent: float | None = None
    ended: str | None = None

    def __post_init__(self) -> None:
        """Raise ValueError for a line that says nothing, or several things."""
        begun = self.replay is not None, self.key is not None
        said = begun[0], self.sent is not None, self.ended is not None
        if begun[0] != begun[1] or said.count(True) != 1:
            raise ValueError("no line of a manifest")


_read_line = msgspec.json.Decoder(_Line).decode
#: How often it is looked at whether the file still stands there, seconds.
_LOOK_S = 1.0
#: How the first line begins.
_OPENING = b'{"replay": "'


class Manifest:
    """Lines of JSON, appended: when a task is about to be sent, was sent, and has ended.

    What was begun and not sent is sent under the same id. That does no harm where the process was
    killed in between: the service answers a task once, however often it is delivered. Without a
    path nothing is kept. A line that was cut short, as the process was killed or the disk was full,
    is taken out; a file that is no manifest stays as it is. Raises `ConfigInvalid` for one, or
    where none can be kept.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file = -1
        self._looked_at = 0.0
        #: What was there before, by the replay's name; None for one whose task has ended.
        self._entries: dict[str, Entry | None] = {}
        if path is not None:
            self._load(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def find(self, replay: str) -> Entry | None:
        """What was made of this replay before, unless its task has ended."""
        return self._entries.get(replay)

    def ended(self, replay: str) -> bool:
        """Whether its task had ended before."""
        return replay in self._entries and self._entries[replay] is None

    def knows(self, entry: Entry) -> bool:
        """Whether this very entry was there before."""
        return self._entries.get(entry.replay) is entry

    def begin(self, entry: Entry) -> None:
        """Keep an entry, before its task is sent. Raises the storage errors, as the next two."""
        self._append({"replay": entry.replay, "key": entry.key, "task_id": entry.task_id})

    def sent(self, entry: Entry) -> None:
        """Keep that its task was sent."""
        self._append({"task_id": entry.task_id, "sent": round(time.time(), 3)})

    def end(self, entry: Entry, outcome: JsonObject) -> None:
        """Keep how its task ended."""
        error = outcome["error"]
        self._append({"task_id": entry.task_id, "ended": error["code"] if error else "ok"})

    def _append(self, line: JsonObject) -> None:
        if self._path is None:
            return
        with storage_errors(self._path):
            if time.monotonic() - self._looked_at > _LOOK_S:
                self._open(self._path)
            append_whole(self._file, json.dumps(line).encode() + b"\n")

    def _open(self, path: Path) -> None:
        self._close()
        with Folder.open(path.parent) as folder:
            self._file = folder.own_file(path.name, os.O_RDWR | os.O_APPEND | os.O_CREAT)
        self._looked_at = time.monotonic()

    def _close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
        self._file, self._looked_at = -1, float("-inf")

    def _load(self, path: Path) -> None:
        """Take over what stands there; one that can't be written is reported before any work."""
        try:
            self._open(path)
            self._take_all(path)
            self._looked_at = float("-inf")
        except OSError as exc:
            reason = (exc.strerror or str(exc)).lower()
            raise ConfigInvalid(
                f"{path}: can't be a manifest: {reason}; name a file that can be read and written"
            ) from exc
        except BaseException:
            self._close()
            raise

    def _take_all(self, path: Path) -> None:
        """A line after the other: there may be millions."""
        replays: dict[str, str] = {}
        end = 0
        with os.fdopen(os.dup(self._file), "rb") as lines:
            for number, text in enumerate(lines, start=1):
                if text.endswith(b"\n"):
                    self._take(text, replays, f"{path}: line {number}")
                    end += len(text)
                elif number == 1 and not _may_be_cut(text):
                    raise _no_line(f"{path}: line 1")
                else:
                    os.ftruncate(self._file, end)

    def _take(self, text: bytes, replays: dict[str, str], place: str) -> None:
        """Take over a line; ``replays`` has those of the tasks that have not ended, by task."""
        try:
            line = _read_line(text)
        except (ValueError, RecursionError):
            raise _no_line(place) from None
        if line.replay is not None and line.key is not None:
            self._entries[line.replay] = Entry(
                replay=line.replay, key=line.key, task_id=line.task_id
            )
            replays[line.task_id] = line.replay
        elif line.ended is not None:
            if (ended := replays.pop(line.task_id, None)) is not None:
                self._entries[ended] = None
        elif (entry := self._entries.get(replays.get(line.task_id, ""))) is not None:
            self._entries[entry.replay] = replace(entry, sent_unix=line.sent or 0.0)


def _no_line(place: str) -> ConfigInvalid:
    return ConfigInvalid(f"{place} is no line of a manifest; name another file")


def _may_be_cut(tail: bytes) -> bool:
    """Whether this may be what came to the disk of the first line; else the file is another's."""
    try:
        _read_line(tail)
    except (ValueError, RecursionError):
        return _OPENING.startswith(tail[: len(_OPENING)]) and not _is_json(tail)
    return True


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
