"""``parsekit serve import``: replays of a folder or of another site, accepted as uploads are.

What is in the catalogue is not added again, so that an import that was broken off goes on where it
stopped when it is run again.
"""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from parsekit import OwnedFolder
from parsekit.errors import ParsekitError, StorageUnavailable
from parsekit_server.access import Viewer, Visibility
from parsekit_server.catalogue.replays import ReplayChanges, Replays
from parsekit_server.errors import DiskFull, SiteUnavailable
from parsekit_server.exchange.remote_site import RemoteReplay, RemoteSite
from parsekit_server.replay_files import ReplayFiles
from parsekit_server.uploads import Upload, accept, name_of

_BLOCK_BYTES = 1024 * 1024
_LONGEST_TITLE = 500
#: What the next replay would meet as well.
_STOPS = (SiteUnavailable, DiskFull, StorageUnavailable)


@dataclass(slots=True)
class ImportCount:
    """What became of the replays."""

    added: int = 0
    known: int = 0
    refused: int = 0

    def __str__(self) -> str:
        return f"added: {self.added}, there already: {self.known}, refused: {self.refused}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedFacts:
    """What comes with a replay: its file's name, and what an export or another site says of it."""

    name: str
    title: str | None = None
    visibility: Visibility | None = None

    @classmethod
    def of(cls, name: str, title: object, visibility: object) -> StatedFacts:
        """Read what may be of any type; what makes no sense is not there."""
        named = isinstance(title, str) and title.strip() and "\0" not in title
        return cls(
            name=name,
            title=str(title)[:_LONGEST_TITLE] if named else None,
            visibility=next((each for each in Visibility if each == visibility), None),
        )


class DoneList:
    """Ids of another site's replays that were added, in a file: they are not fetched again."""

    def __init__(self, folder: OwnedFolder, address: str) -> None:
        name = hashlib.sha256(address.encode()).hexdigest()[:32]
        self._file = folder.own_file(name, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        with os.fdopen(os.dup(self._file), "rb") as content:
            self._ids = set(content.read().decode().split("\n"))

    def __contains__(self, replay_id: str) -> bool:
        return replay_id in self._ids

    def add(self, replay_id: str) -> None:
        """Note one, on the disk."""
        self._ids.add(replay_id)
        os.write(self._file, f"\n{replay_id}\n".encode())
        os.fsync(self._file)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


@dataclass(frozen=True, slots=True, kw_only=True)
class Importer:
    """Adds replays as this owner's. ``report`` is called with a line for each that is refused."""

    replays: Replays
    files: ReplayFiles
    owner: Viewer
    visibility: Visibility
    group_id: str | None
    report: Callable[[str], None]
    count: ImportCount = field(default_factory=ImportCount)

    def add_folder(self, folder: Path) -> None:
        """Add every replay in a folder and below it, in the order of their names.

        Raises `DiskFull` and `StorageUnavailable`.
        """
        for path in sorted(folder.rglob("*.replay")):
            if path.is_file():
                self._add_file(path)

    def add_site(self, site: RemoteSite, done: DoneList) -> None:
        """Add what the token's owner has uploaded to another site.

        Raises `SiteUnavailable`, `DiskFull` and `StorageUnavailable`.
        """
        for replay in site.own_replays():
            if replay.id in done:
                self.count.known += 1
            elif self._add_remote(site, replay):
                done.add(replay.id)

    def _add_file(self, path: Path) -> None:
        try:
            if self.replays.with_content(_sha256(path), self.owner) is not None:
                self.count.known += 1
            else:
                self._receive(_blocks(path), _stated_beside(path))
        except _STOPS:
            raise
        except ParsekitError as error:
            self._refuse(str(path), error.message)
        except OSError as error:
            self._refuse(str(path), f"can't be read: {error.strerror}")

    def _add_remote(self, site: RemoteSite, replay: RemoteReplay) -> bool:
        try:
            content = site.file(replay.id)
            if content is None:
                self._refuse(replay.id, "its file is gone there")
                return False
            stated = StatedFacts.of(replay.title, replay.title, replay.visibility)
            self._receive(content, stated)
        except _STOPS:
            raise
        except ParsekitError as error:
            self._refuse(replay.id, error.message)
            return False
        return True

    def _receive(self, blocks: Iterable[bytes], stated: StatedFacts) -> None:
        with self.files.receive(str(uuid.uuid4())) as draft:
            for block in blocks:
                draft.write(block)
            upload = Upload(
                name=name_of(stated.name),
                visibility=stated.visibility or self.visibility,
                group_id=self.group_id,
            )
            receipt = accept(draft, upload, self.owner, self.replays)
        if receipt.verdict == "duplicate":
            self.count.known += 1
            return
        self.count.added += 1
        if stated.title is not None:
            changes = ReplayChanges(title=stated.title)
            self.replays.change(receipt.replay_id, changes, self.owner)

    def _refuse(self, name: str, reason: str) -> None:
        self.count.refused += 1
        self.report(f"{name}: {reason}")


def _stated_beside(path: Path) -> StatedFacts:
    """What the JSON beside a replay says, as an export writes it."""
    try:
        known = json.loads(path.with_suffix(".json").read_bytes())
    except (OSError, ValueError, RecursionError):
        known = None
    if not isinstance(known, dict):
        known = {}
    return StatedFacts.of(path.name, known.get("title"), known.get("visibility"))


def _sha256(path: Path) -> str:
    made = hashlib.sha256()
    for block in _blocks(path):
        made.update(block)
    return made.hexdigest()


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as content:
        while block := content.read(_BLOCK_BYTES):
            yield block
