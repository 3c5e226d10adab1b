"""Lines kept by days: a file a day (UTC) in a folder of the data folder, until its days are over.

A file is named for the day on which its lines were appended (``2026-11-30.jsonl``), so that a
reader opens only the days that it wants, and what is too old goes a whole day at a time.
"""

from __future__ import annotations

import errno
import os
import re
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from parsekit.clock import Clock
from parsekit.config import RecordSettings
from parsekit.records.writer import LineLog, log
from parsekit.storage.atomic import Folder, OwnedFolder

#: How often a process looks for days that are over, and at the size of all, seconds.
SWEEP_S = 60.0
_ENDING = ".jsonl"
_DAY = re.compile(r"\d{4}-\d\d-\d\d" + re.escape(_ENDING))


class DayLog(LineLog):
    """The folder ``name`` of a data folder, with a file a day.

    Days beyond ``records.keep_days`` are removed, and the oldest while all days take more than
    ``records.keep_bytes``; each removal is logged. Where today's lines alone take that, more of
    them are lost, which is logged and counted.
    """

    def __init__(
        self,
        data_dir: Path,
        name: str,
        settings: RecordSettings,
        *,
        opening: bytes,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(data_dir / name, what=name, opening=opening, private=True)
        self._data_dir, self._name, self._settings = data_dir, name, settings
        self._clock = clock or Clock()
        self._today = ""
        self._swept_at = float("-inf")
        self._full = False

    def _append(self, line: bytes) -> None:
        self._turn_to(_day_of(self._clock.now()).isoformat())
        if time.monotonic() - self._swept_at > SWEEP_S:
            self._swept_at = time.monotonic()
            self._sweep()
        if self._full:
            bound = f"today's take all of records.keep_bytes ({self._settings.keep_bytes})"
            raise OSError(errno.EDQUOT, f"{bound}; allow more")
        super()._append(line)

    def _turn_to(self, today: str) -> None:
        if today != self._today:
            self._close()
            self._today, self._path = today, self._data_dir / self._name / f"{today}{_ENDING}"
            self._swept_at = float("-inf")

    def _folder(self) -> Folder:
        return OwnedFolder.open(self._data_dir, self._name, make=True)

    def _sweep(self) -> None:
        with self._folder() as folder:
            days = [name for name in folder.own_names(_ENDING) if _DAY.fullmatch(name)]
            sizes = {day: _size_bytes(folder, day) for day in days}
            limit_days = self._settings.keep_days
            oldest = _day_of(self._clock.now()) - timedelta(days=limit_days - 1)
            for day in [day for day in days if day < oldest.isoformat()]:
                folder.delete_own(day)
                del sizes[day]
                text = "removed the %s of %s: days are kept for records.keep_days (%d)"
                log.info(text, self._what, day.removesuffix(_ENDING), limit_days)
            self._make_room(folder, sizes)
            today_bytes = sizes.get(self._path.name, 0)
            self._full = today_bytes >= self._settings.keep_bytes

    def _make_room(self, folder: Folder, sizes: dict[str, int]) -> None:
        """Remove the oldest days until the rest fits; today's stay."""
        limit_bytes = self._settings.keep_bytes
        excess_bytes = sum(sizes.values()) - limit_bytes
        for day in sorted(sizes):
            if excess_bytes <= 0 or day >= self._path.name:
                return
            folder.delete_own(day)
            excess_bytes -= sizes[day]
            text = "removed the %s of %s: all days take more than records.keep_bytes (%d)"
            log.warning(text, self._what, day.removesuffix(_ENDING), limit_bytes)


def day_files(folder: Path, since_unix: float | None = None) -> list[Path]:
    """The files of a folder's days, the oldest first; of the days that have lines since then.

    Raises OSError for a folder that can't be listed.
    """
    first = "" if since_unix is None else _day_of(since_unix).isoformat()
    found = sorted(path for path in folder.iterdir() if _DAY.fullmatch(path.name))
    return [path for path in found if path.name >= first]


def _day_of(at_unix: float) -> date:
    return datetime.fromtimestamp(at_unix, UTC).date()


def _size_bytes(folder: Folder, name: str) -> int:
    try:
        return os.stat(name, dir_fd=folder.descriptor, follow_symlinks=False).st_size
    except FileNotFoundError:  # another process was quicker
        return 0
