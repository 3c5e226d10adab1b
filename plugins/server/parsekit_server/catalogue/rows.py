"""What the catalogue answers: typed, frozen, nothing of a database in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from parsekit import TeamIdentification
from parsekit_server.access import PlayerIdentification, Role, Visibility

Status = Literal["pending", "ok", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRow:
    """Somebody who has tokens."""

    id: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRow:
    """A token without its text, which nobody keeps."""

    id: int
    account: AccountRow
    role: Role
    group_id: str | None
    created_us: int
    revoked_us: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupName:
    """A group as its replays name it."""

    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRow:
    """A group of replays and of other groups."""

    id: str
    name: str
    creator: AccountRow
    parent_id: str | None
    path: str
    player_identification: PlayerIdentification
    team_identification: TeamIdentification
    shared: bool
    open_to_all: bool
    created_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayRow:
    """An uploaded replay."""

    id: str
    uploader: AccountRow
    group: GroupName | None
    visibility: Visibility
    created_us: int
    title: str
    sha256: str
    size_bytes: int
    match_guid: str | None
    status: Status
    failure_code: str | None
    failure_message: str | None
    result_key: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingReplay:
    """A replay that waits for its parse; ``starts`` counts this one."""

    id: str
    starts: int
    tries: int
