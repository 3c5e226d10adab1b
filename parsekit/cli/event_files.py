"""Which files of events a command reads, and what it says of lines that it could not read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from parsekit.api import default_data_dir
from parsekit.cli.exit import say
from parsekit.errors import BadRequest
from parsekit.records.reader import Unread
from parsekit.records.writer import files_of


def event_files(paths: list[Path], name: str) -> list[Path]:
    """The files named, oldest first; a folder stands for its file ``name`` and those set aside.

    Without paths: those of this machine. Each is there once, however often it is named. Raises
    `BadRequest` for a path that is not there, or that is neither a file nor open already.
    """
    files = [file for path in paths for file in _files_at(path, name)]
    found: dict[Path, Path] = {}
    for file in files if paths else files_of(default_data_dir() / name):
        place = file.resolve()
        # To open a pipe waits for whoever writes into it; that of /dev/stdin is open, and nowhere.
        if not file.is_file() and place.exists():
            raise BadRequest(f"{file} is no regular file; name one with events, or its folder")
        found.setdefault(place, file)
    return list(found.values())


def _files_at(path: Path, name: str) -> list[Path]:
    files = files_of(path / name) if path.is_dir() else [path]
    if not files or not path.exists():
        raise BadRequest(f"{path}: there is no {name if path.is_dir() else 'such file'}")
    return files


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
