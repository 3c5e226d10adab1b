"""What was sent and how it ended, on disk, so that an interrupted back-fill can go on."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from parsekit.errors import ConfigInvalid
from parsekit.model import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One replay as the user named it, its key in the storage, and the task made for it."""

    replay: str
    key: str
    task_id: str


class Manifest:
    """Lines of JSON, appended: one when a task is about to be sent, one when it has ended.

    A task that was sent and has no end is sent again under the same id, which does no harm: the
    service answers a task once, however often it is delivered. Without a path nothing is kept. A
    line that was cut short, as the process was killed or the disk was full, is taken out.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._entries: dict[str, Entry] = {}
        self._ended: set[str] = set()
        if path is not None and path.exists():
            self._load(path)

    def find(self, replay: str) -> Entry | None:
        """What was made of this replay before."""
        return self._entries.get(replay)

    def ended(self, entry: Entry) -> bool:
        """Whether its task had ended before."""
        return entry.task_id in self._ended

    def begin(self, entry: Entry) -> None:
        """Keep an entry, before its task is sent."""
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
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def _load(self, path: Path) -> None:
        whole, newline, _ = path.read_bytes().rpartition(b"\n")
        os.truncate(path, len(whole) + len(newline))
        for number, text in enumerate(whole.splitlines(), start=1):
            try:
                line = json.loads(text)
                if "ended" in line:
                    self._ended.add(line["task_id"])
                else:
                    entry = Entry(**line)
                    self._entries[entry.replay] = entry
            except (ValueError, TypeError, KeyError) as exc:
                raise ConfigInvalid(
                    f"{path}: line {number} is no line of a manifest; name another file"
                ) from exc
