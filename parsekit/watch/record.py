"""What ``parsekit watch`` has done, in the data folder: a line a replay, and one a written page.

Lines are only appended, each in one write, after what they tell of has happened. So a process that
is killed leaves a record that says too little, never too much.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from parsekit.errors import BadRequest, StorageUnavailable
from parsekit.records.writer import append_whole
from parsekit.storage.atomic import OwnedFolder
from parsekit.storage.untrusted import UNREADABLE, count, number, text

#: Matches of one session have no longer break between them, seconds: a meal, not a night.
MAX_BREAK_S = 2 * 3600.0
#: No match was played later: the last moment of the year 9999, in seconds since 1970.
LATEST_UNIX = 253402300799.0
_FOLDER = "watch"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileState:
    """What tells without a look inside whether a file has changed."""

    size_bytes: int
    mtime_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DoneReplay:
    """A replay that was done. ``session`` is "" of one that failed, which is on no page."""

    path: str
    sha256: str
    state: FileState
    played_unix: float
    session: str

    def to_json(self) -> dict[str, Any]:
        """The line of it."""
        return {
            "replay": self.path,
            "sha256": self.sha256,
            "size": self.state.size_bytes,
            "mtimeNs": self.state.mtime_ns,
            "playedUnix": self.played_unix,
            "session": self.session,
        }

    @classmethod
    def of(cls, line: dict[str, Any]) -> Self:
        """Read a line. Raises one of `UNREADABLE` for what is none of ours."""
        return cls(
            path=text(line["replay"]),
            sha256=text(line["sha256"]),
            # nanoseconds since 1970 are more than any other number of ours
            state=FileState(size_bytes=count(line["size"]), mtime_ns=int(line["mtimeNs"])),
            played_unix=number(line["playedUnix"]),
            session=text(line["session"]),
        )


class WatchRecord:
    """The record of one watch: of the same folders, with results that go to the same places."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._hashes: set[str] = set()
        self._files: dict[str, FileState] = {}
        self._matches: list[DoneReplay] = []
        self._unwritten: dict[str, None] = {}
        for line in _lines(descriptor):
            self._take(line)

    @classmethod
    def open(cls, data_dir: Path, places: Sequence[str]) -> Self:
        """Open, or begin, the record of a watch; ``places`` say which.

        Raises `BadRequest` while another process does the same watch, and `StorageUnavailable`.
        """
        name = hashlib.sha256("\0".join(places).encode(errors="surrogateescape")).hexdigest()[:16]
        try:
            with OwnedFolder.open(data_dir, _FOLDER, make=True) as folder:
                descriptor = folder.own_file(f"{name}.jsonl", os.O_RDWR | os.O_APPEND | os.O_CREAT)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise BadRequest("another parsekit watch does the same already; end it first") from None
        except OSError as error:
            raise StorageUnavailable(
                f"the record of what was done can't be kept: {error.filename}: {error.strerror}"
            ) from error
        return cls(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def has(self, sha256: str) -> bool:
        """Whether a replay of this content was done."""
        return sha256 in self._hashes

    def has_file(self, path: str, state: FileState) -> bool:
        """Whether this file was done, and has not changed since."""
        return self._files.get(os.path.abspath(path)) == state  # noqa: PTH100

    def session_of(self, played_unix: float) -> str:
        """The session that a match belongs to: that of the nearest one, or a new one."""
        apart = ((abs(each.played_unix - played_unix), each) for each in self._matches)
        nearest = min(apart, key=lambda each: each[0], default=None)
        if nearest is not None and nearest[0] <= MAX_BREAK_S:
            return nearest[1].session
        return f"session-{datetime.fromtimestamp(played_unix, UTC):%Y-%m-%d-%H%M}"

    def matches_of(self, session: str) -> tuple[DoneReplay, ...]:
        """The matches of a session that were done."""
        return tuple(each for each in self._matches if each.session == session)

    def sessions_without_page(self) -> tuple[str, ...]:
        """Sessions of which a match was done after their page was written last."""
        return tuple(self._unwritten)

    def add(self, done: DoneReplay) -> None:
        """Note that a replay was done. Raises OSError."""
        self._append(done.to_json())
        self._take(done)

    def add_page(self, session: str) -> None:
        """Note that the page of a session has all that was done. Raises OSError."""
        self._append({"page": session})
        self._take(session)

    def _append(self, line: dict[str, Any]) -> None:
        append_whole(self._descriptor, json.dumps(line).encode() + b"\n")

    def _take(self, done: DoneReplay | str) -> None:
        """Remember a replay, or that the page of this session was written."""
        if isinstance(done, str):
            self._unwritten.pop(done, None)
            return
        self._hashes.add(done.sha256)
        self._files[done.path] = done.state
        if done.session:
            self._matches.append(done)
            self._unwritten[done.session] = None


def _lines(descriptor: int) -> Iterator[DoneReplay | str]:
    """What lines of ours tell; one that was cut off is passed over, and gets an end."""
    with os.fdopen(os.dup(descriptor), "rb") as file:
        last = b"\n"
        for last in file:
            try:
                line = json.loads(last)
                yield text(line["page"]) if "page" in line else DoneReplay.of(line)
            except UNREADABLE:
                continue
    if not last.endswith(b"\n"):
        os.write(descriptor, b"\n")
