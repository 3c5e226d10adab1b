"""What the arguments of a command name: files, folders, globs, URLs and standard input.

Arguments are expanded as they are needed, so that a folder of a hundred thousand replays starts at
once and memory grows with the largest single folder only. The order is the same in every run.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parsekit.errors import ConfigInvalid, ParsekitError, ReplayNotFound, StorageUnavailable
from parsekit.storage.fsspec_errors import missing_driver
from parsekit.storage.os_errors import storage_errors

#: The argument that means standard input.
STDIN = "-"
#: What a replay in a folder is known by; a file that is named itself may be called anything.
SUFFIX = ".replay"


@dataclass(frozen=True, slots=True)
class Input:
    """One replay to parse: a path or URL, or `STDIN`."""

    replay: str


@dataclass(frozen=True, slots=True)
class NoMatch:
    """An argument, or a folder below one, that has no replay or can't be looked into."""

    place: str
    error: ParsekitError


def expand(arguments: Iterable[str]) -> Iterator[Input | NoMatch]:
    """Every replay that the arguments name, once, in a steady order.

    A file reached twice (named twice, inside two folders, through a symbolic link) comes once;
    copies with the same content are files of their own. A folder's files come before its folders,
    both sorted by name.
    """
    search = Search()
    for argument in arguments:
        yield from search.expand(argument)


def _nothing_in(argument: str) -> str:
    if "://" not in argument and not _names_folder(argument):
        return "no file matches"
    return f"no replay in this folder or below it (no file ends in {SUFFIX})"


class Search:
    """One pass over arguments; what came with one does not come again with the next.

    What was seen is remembered by folder and by symbolic link rather than by file.
    """

    def __init__(self) -> None:
        self._met = 0  # replays, those seen before among them
        self._folders: set[str] = set()
        self._names: set[str] = set()

    def expand(self, argument: str) -> Iterator[Input | NoMatch]:
        """Every replay that an argument names and none before it did, as `expand` says."""
        met_before = self._met
        failed = False
        for found in self._look(argument):
            failed = failed or isinstance(found, NoMatch)
            yield found
        if self._met == met_before and not failed:
            yield NoMatch(argument, ReplayNotFound(f"{argument}: {_nothing_in(argument)}"))

    def _look(self, argument: str) -> Iterator[Input | NoMatch]:
        if argument == STDIN:
            yield from self._named(STDIN)
        elif "://" in argument:
            yield from self._url(argument)
        elif glob.has_magic(argument) and not os.path.lexists(argument):
            for match in sorted(map(str, _glob(argument))):
                yield from self._path(match)
        else:
            yield from self._path(argument)

    def _path(self, path: str) -> Iterator[Input | NoMatch]:
        return self._walk(path) if _names_folder(path) else self._file(path)

    def _named(self, replay: str, name: str | None = None) -> Iterator[Input]:
        """Yield the replay, unless its name came before."""
        self._met += 1
        name = name or replay
        if name not in self._names:
            self._names.add(name)
            yield Input(replay)

    def _file(self, path: str) -> Iterator[Input]:
        """Yield a named file or a symbolic link, unless the file behind it came before."""
        real = Path(os.path.realpath(path))
        if str(real.parent) in self._folders and _is_replay(real.name) and os.access(real, os.F_OK):
            self._met += 1
        else:
            yield from self._named(path, str(real))

    def _walk(self, top: str) -> Iterator[Input | NoMatch]:
        """Replays in a folder and below it; no folder is entered twice, whatever links say."""
        pending = [(top, os.path.realpath(top))]
        while pending:
            folder, real = pending.pop()
            if real in self._folders:
                self._met += 1
                continue
            self._folders.add(real)
            try:
                found = _entries(folder)
            except ParsekitError as exc:
                yield NoMatch(folder, exc)
                continue
            pending += reversed([(e.path, _real(e, real)) for e in found if _is_folder(e)])
            yield from self._files_of(real, found)

    def _files_of(self, real: str, entries: list[os.DirEntry[str]]) -> Iterator[Input]:
        for entry in entries:
            if not _is_replay(entry.name) or _is_folder(entry):
                continue
            if entry.is_symlink():
                yield from self._file(entry.path)
                continue
            self._met += 1
            if _real(entry, real) not in self._names:
                yield Input(entry.path)

    def _url(self, url: str) -> Iterator[Input | NoMatch]:
        try:
            for name in _in_url(url):
                yield from self._named(name)
        except ParsekitError as exc:
            yield NoMatch(url, exc)


def _names_folder(path: str) -> bool:
    return os.path.isdir(path)  # noqa: PTH112  (Path.is_dir raises where a folder is locked)


def _is_replay(name: str) -> bool:
    return name.lower().endswith(SUFFIX)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a symbolic link in a ring
        return False


def _glob(pattern: str) -> Iterator[Path]:
    """Like the shell; ``**`` does not follow symbolic links, so that rings are harmless."""
    anchor = Path(Path(pattern).anchor)
    return anchor.glob(str(Path(pattern).relative_to(anchor)))


def _real(entry: os.DirEntry[str], folder: str) -> str:
    """Resolve an entry of a folder whose own path is resolved already."""
    return (
        os.path.realpath(entry.path) if entry.is_symlink() else f"{folder.rstrip('/')}/{entry.name}"
    )


def _entries(folder: str) -> list[os.DirEntry[str]]:
    with storage_errors(Path(folder)), os.scandir(folder) as entries:
        return sorted(entries, key=lambda entry: entry.name)


def _in_url(url: str) -> Iterator[str]:
    """Yield the replay at a URL, or those below it when it is a folder or has wild cards."""
    if _is_replay(url) and not glob.has_magic(url):
        yield url
        return
    try:
        yield from _listed(url)
    except ImportError as exc:
        raise ConfigInvalid(f"{url}: {missing_driver(url, exc)}") from exc
    except ValueError as exc:
        raise ConfigInvalid(f"{url}: {exc}") from exc
    except Exception as exc:
        raise StorageUnavailable(f"{url}: can't be listed: {type(exc).__name__}: {exc}") from exc


def _listed(url: str) -> Iterator[str]:
    from fsspec.core import url_to_fs  # noqa: PLC0415  (costs 40 ms, few need it)

    filesystem, path = url_to_fs(url)
    if glob.has_magic(path):
        yield from map(filesystem.unstrip_protocol, sorted(filesystem.glob(path)))
    elif filesystem.isdir(path):
        yield from _below(filesystem, path)
    else:
        yield url


def _below(filesystem: Any, top: str) -> Iterator[str]:
    for folder, folders, files in filesystem.walk(top):
        folders.sort()
        for name in sorted(files):
            if _is_replay(name):
                yield filesystem.unstrip_protocol(f"{folder.rstrip('/')}/{name}")
