"""What the audit's files say of a replay or a task."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from parsekit.events import moment
from parsekit.records.audit_file import as_written
from parsekit.records.reader import Unread, read_records

#: A beginning of a hash that is shorter names nothing.
_HASH_BEGINS = 8


class AuditRecord(msgspec.Struct, rename="camel", kw_only=True, frozen=True):
    """One line; docs/logs.md says what stands in it."""

    at: str
    caller: str
    task_id: str
    replay: str
    looked_at: tuple[str, ...]
    read: tuple[str, ...]
    written: tuple[str, ...]
    removed: tuple[str, ...]
    sent: tuple[str, ...]
    result: str
    error: str | None
    parser: str
    parser_version: str
    hash: str
    cached: bool


_RECORD = msgspec.json.Decoder(AuditRecord)


class _Search:
    """Whether records are of what was asked for, or of a task that had to do with it."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(names)
        self._tasks = set(self._names)
        self._needles = {as_written(name) for name in self._names}

    def may_be_in(self, lines: bytes) -> bool:
        return any(needle in lines for needle in self._needles)

    def takes(self, record: AuditRecord) -> bool:
        """Later records of the same task are taken as well, such as its cancellation."""
        task_id = record.task_id.removesuffix(".shadow")
        if task_id in self._tasks:
            return True
        if not any(self._is_of(record, name) for name in self._names):
            return False
        if task_id:
            self._tasks.add(task_id)
            self._needles.add(as_written(task_id))
        return True

    def _is_of(self, record: AuditRecord, name: str) -> bool:
        objects = (record.replay, *record.looked_at, *record.read, *record.written, *record.removed)
        if any(each == name or each.endswith(f"/{name}") for each in objects):
            return True
        return len(name) >= _HASH_BEGINS and record.hash.startswith(name)


def records_of(
    names: Iterable[str], files: Iterable[Path], unread: Unread, *, since_unix: float | None = None
) -> Iterator[AuditRecord]:
    """The records of tasks, replays or contents, in their order.

    A name is the id of a task; a replay, by its whole key or path or the end of it behind a slash;
    or a hash of content, or its first 8 digits or more. Lines that are no records are added to
    ``unread`` where they stand beside what is looked for. Raises OSError when a file can't be read.
    """
    since = "" if since_unix is None else moment(since_unix)
    search = _Search(names)
    recent = [file for file in files if since_unix is None or file.stat().st_mtime >= since_unix]
    for record in read_records(
        recent, _RECORD.decode, unread, other="no audit record", wanted=search
    ):
        if record.at >= since and search.takes(record):
            yield record
