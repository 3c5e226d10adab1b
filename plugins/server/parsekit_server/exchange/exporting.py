"""``parsekit serve export``: every replay as its file and its JSON, and the groups.

A file that is there with the same size is left alone, so that an export that was broken off goes on
where it stopped, and a later one adds what is new.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from parsekit import Folder, JsonObject
from parsekit_server.access import Role, Viewer
from parsekit_server.api.bodies import Address, group_body, replay_body, user
from parsekit_server.catalogue.group_listing import GroupListing
from parsekit_server.catalogue.listing import Listing
from parsekit_server.catalogue.replays import Replays
from parsekit_server.catalogue.rows import GroupRow, ReplayRow
from parsekit_server.filters import (
    Query,
    read_group_filters,
    read_group_page,
    read_replay_filters,
    read_replay_page,
)
from parsekit_server.replay_files import ReplayFiles

#: Whoever may read the data folder may read all that is in it.
_EVERYTHING = Viewer(role=Role.ADMIN)
_GROUPS = "groups.json"
_BLOCK_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportCount:
    """What was written; ``files`` are those that were not there yet."""

    replays: int
    files: int
    groups: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What is given back."""

    replays: Replays
    listing: Listing
    groups: GroupListing
    files: ReplayFiles
    address: Address

    def write(self, folder: Folder) -> ExportCount:
        """Write it all into this folder. Raises OSError."""
        replays = new_files = 0
        for row in self._replays():
            new_files += _copy(self.files.path(row.id), folder, f"{row.id}.replay", row.size_bytes)
            data = self.replays.data(row.id)
            folder.write(f"{row.id}.json", [_json(replay_body(row, data, self.address))])
            replays += 1
        groups = [
            {
                **group_body(group, self.address),
                "shared": group.shared,
                "creator": user(group.creator),
            }
            for group in self._groups()
        ]
        folder.write(_GROUPS, [_json({"list": groups})])
        return ExportCount(replays=replays, files=new_files, groups=len(groups))

    def _replays(self) -> Iterator[ReplayRow]:
        query: Query = {"sort-by": ["upload-date"], "sort-dir": ["asc"], "count": ["200"]}
        while True:
            wanted = read_replay_page(query)
            found = self.listing.page(read_replay_filters({}), wanted, _EVERYTHING)
            yield from (each.row for each in found.replays)
            if found.after is None:
                return
            query = {**query, "after": [found.after.to_text()]}

    def _groups(self) -> Iterator[GroupRow]:
        query: Query = {"sort-dir": ["asc"], "count": ["200"]}
        while True:
            found = self.groups.page(read_group_filters({}), read_group_page(query), _EVERYTHING)
            yield from found.groups
            if found.after is None:
                return
            query = {**query, "after": [found.after.to_text()]}


def _copy(file: Path, folder: Folder, name: str, size_bytes: int) -> bool:
    """Copy a file that is not there yet; False for one that is, or was deleted meanwhile."""
    there = folder.path / name
    if there.is_file() and there.stat().st_size == size_bytes:
        return False
    try:
        with file.open("rb") as content:
            folder.write(name, iter(lambda: content.read(_BLOCK_BYTES), b""))
    except FileNotFoundError:
        return False
    return True


def _json(value: JsonObject) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1).encode() + b"\n"
