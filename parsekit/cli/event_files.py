"""Which files of events a command reads, and what it says of lines that it could not read."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from parsekit.cli.exit import say
from parsekit.config.data_folder import default_data_dir
from parsekit.errors import BadRequest
from parsekit.records.day_log import day_files
from parsekit.records.reader import Unread

#: What ``--since`` takes, and says of itself where it took none.
AGE_HELP = "Only what came since then: 30m, 24h, 7d."
_AGE = re.compile(r"(\d{1,6})([smhdw])")
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def since_of(age: str | None) -> float | None:
    """The moment so long ago, seconds since 1970; None without an age. Raises `BadRequest`."""
    if age is None:
        return None
    matched = _AGE.fullmatch(age.strip().lower())
    if not matched:
        raise BadRequest(f"--since {age}: is no age; write a number and a unit, such as 24h or 7d")
    return max(0.0, time.time() - int(matched[1]) * _UNIT_S[matched[2]])


def event_files(paths: list[Path], name: str, since_unix: float | None = None) -> list[Path]:
    """The files named, oldest first; a folder stands for its days, or those of ``name`` in it.

    Without paths: the days of this machine. Of days only those with events since then. Each file is
    there once, however often it is named. Raises `BadRequest` for a path that is not there, or that
    is neither a file nor open already.
    """
    folder = default_data_dir() / name
    if paths:
        files = [file for path in paths for file in _files_at(path, name, since_unix)]
    else:
        files = day_files(folder, since_unix) if folder.is_dir() else []
    found: dict[Path, Path] = {}
    for file in files:
        place = file.resolve()
        # To open a pipe waits for whoever writes into it; that of /dev/stdin is open, and nowhere.
        if not file.is_file() and place.exists():
            raise BadRequest(f"{file} is no regular file; name one with events, or its folder")
        found.setdefault(place, file)
    return list(found.values())


def _files_at(path: Path, name: str, since_unix: float | None) -> list[Path]:
    if not path.is_dir():
        if not path.exists():
            raise BadRequest(f"{path}: there is no such file")
        return [path]
    folder = path / name if (path / name).is_dir() else path
    if not day_files(folder):
        raise BadRequest(f"{path}: there is no {name}/2026-01-31.jsonl or other day of {name}")
    return day_files(folder, since_unix)


@contextmanager
def reading() -> Iterator[None]:
    """Report a file that can't be read in a line. Raises `BadRequest`."""
    try:
        yield
    except OSError as exc:
        file = exc.filename or "a file of events"
        raise BadRequest(f"{file} can't be read: {(exc.strerror or str(exc)).lower()}") from exc


def warn_of_unread(unread: Unread, wanted: str) -> None:
    """Name the lines that were passed over; ``wanted`` has its article."""
    if unread.count:
        more = ", …" if unread.count > len(unread.named) else ""
        lines = f"{unread.count} line{'s' if unread.count > 1 else ''}"
        say(f"warning: passed over {lines} without {wanted}: {', '.join(unread.named)}{more}")
