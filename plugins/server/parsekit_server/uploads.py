"""Accept an upload: check it, look for one that was there before, keep it for good.

When `accept` returns, file and row are on the disk: whoever gets its id will find the replay, also
after a crash. A file without a row is one that nobody was promised.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath
from typing import Literal

from parsekit import check_envelope
from parsekit_server.access import Role, Viewer, Visibility
from parsekit_server.catalogue.replays import NewReplay, Replays
from parsekit_server.match_id import match_id
from parsekit_server.moments import now_us
from parsekit_server.replay_files import Draft


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """What the caller says of the file. ``name`` is that of the file, without its ending."""

    name: str
    visibility: Visibility
    group_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The replay under which an upload is found; a duplicate's is the one that was there."""

    replay_id: str
    verdict: Literal["accepted", "duplicate"]


def name_of(filename: str) -> str:
    """What a replay is called until it is parsed: its file's name, without folders and ending."""
    name = PurePosixPath(PureWindowsPath(filename).name).name
    return "".join(filter(str.isprintable, name.removesuffix(".replay")))[:200]


def accept(draft: Draft, upload: Upload, viewer: Viewer, replays: Replays) -> Receipt:
    """Keep a file that was received whole, or name the replay that has its bytes or its match.

    Only replays that the uploader may see count as duplicates: nobody learns of a private one.
    Raises `InvalidReplay`, `Forbidden`, `NotFound` for a group that is not the uploader's, and
    `StorageUnavailable`.
    """
    uploader_id = viewer.check_uploads()
    draft.flush()
    check_envelope(draft.path, max_bytes=draft.size_bytes)
    new = NewReplay(
        id=draft.replay_id,
        uploader_id=uploader_id,
        group_id=viewer.group_id if viewer.role is Role.GROUP else upload.group_id,
        visibility=upload.visibility,
        title=upload.name or draft.replay_id,
        sha256=draft.sha256,
        size_bytes=draft.size_bytes,
        match_guid=match_id(draft.path),
        created_us=now_us(),
    )
    draft.keep()
    try:
        existing = replays.add(new, viewer)
    except BaseException:
        draft.discard()
        raise
    if existing is None:
        return Receipt(replay_id=new.id, verdict="accepted")
    draft.discard()
    return Receipt(replay_id=existing, verdict="duplicate")
