"""A catalogue full of replays that nobody uploaded."""

from __future__ import annotations

import uuid
from itertools import count

from parsekit_server.access import Role, Viewer, Visibility
from parsekit_server.catalogue.replays import NewReplay, Replays

from .running import body, player

_FIRST_US = 1_700_000_000_000_000
_MINUTE_US = 60_000_000
_PLAYLISTS = ("ranked-doubles", "ranked-standard", "private", "hoops")


def fill(replays: Replays, number: int, *, group_id: str | None = None) -> list[str]:
    """Add so many replays of account 1, a minute apart; their ids, oldest first."""
    return [_add(replays, place, group_id) for place in range(number)]


def _add(replays: Replays, place: int, group_id: str | None) -> str:
    new = NewReplay(
        id=str(uuid.uuid4()),
        uploader_id=1,
        group_id=group_id,
        visibility=Visibility.PUBLIC,
        title="",
        sha256=uuid.uuid4().hex * 2,
        size_bytes=1,
        match_guid=uuid.uuid4().hex.upper(),
        created_us=_FIRST_US + place * _MINUTE_US,
    )
    replays.add(new, Viewer(account_id=1, role=Role.ADMIN))
    made = body(title=f"Match {place}", playlist_id=_PLAYLISTS[place % len(_PLAYLISTS)])
    numbers = count(place % 500)
    for color in ("blue", "orange"):
        made[color]["players"] = [player(f"P{n}", n) for n, _ in zip(numbers, "12", strict=False)]
    replays.finish(new.id, made, result_key=None)
    return new.id
