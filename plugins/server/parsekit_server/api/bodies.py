"""Replays as the API shows them: the whole body, and a line of a list."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from parsekit import JsonObject
from parsekit_server.catalogue.listing import ListedReplay
from parsekit_server.catalogue.rows import AccountRow, GroupName, GroupRow, ReplayRow
from parsekit_server.moments import rfc3339


@dataclass(frozen=True, slots=True)
class Address:
    """Where clients reach this server, such as ``https://replays.example.org``."""

    root: str

    def replay(self, replay_id: str) -> str:
        """The body of a replay."""
        return f"{self.root}/api/replays/{replay_id}"

    def replay_page(self, replay_id: str) -> str:
        """The page of a replay."""
        return f"{self.root}/replay/{replay_id}"

    def group_page(self, group_id: str) -> str:
        """The page of a group."""
        return f"{self.root}/group/{group_id}"

    def player_page(self, account: str) -> str:
        """The page of a player, ``platform:id``."""
        return f"{self.root}/player/{quote(account, safe='')}"

    def group(self, group_id: str) -> str:
        """The body of a group."""
        return f"{self.root}/api/groups/{group_id}"


def replay_body(row: ReplayRow, data: JsonObject | None, address: Address) -> JsonObject:
    """``GET /replays/{id}``: the parser's answer, with what the server itself knows.

    Without an answer it is the server's part alone.
    """
    known: JsonObject = {
        "id": row.id,
        "link": address.replay(row.id),
        "created": rfc3339(row.created_us),
        "uploader": user(row.uploader),
        "status": row.status,
        "title": row.title,
        "visibility": row.visibility,
    }
    if row.group is not None:
        known["groups"] = [group_link(row.group, address)]
    if row.failure_code is not None:
        known["failure"] = {"code": row.failure_code, "message": row.failure_message}
    return known | (data or {}) | known


def list_item(listed: ListedReplay, address: Address) -> JsonObject:
    """A line of ``GET /replays``."""
    row = listed.row
    shown: JsonObject = {"id": row.id, "link": address.replay(row.id)}
    shown |= listed.item or {"blue": {}, "orange": {}}
    shown |= {
        "replay_title": row.title,
        "visibility": row.visibility,
        "created": rfc3339(row.created_us),
        "uploader": user(row.uploader),
    }
    if row.group is not None:
        shown["groups"] = [group_link(row.group, address)]
    return shown


def group_body(group: GroupRow, address: Address) -> JsonObject:
    """A group without its sums."""
    shown: JsonObject = {
        "id": group.id,
        "link": address.group(group.id),
        "name": group.name,
        "created": rfc3339(group.created_us),
        "player_identification": group.player_identification,
        "team_identification": group.team_identification.value,
    }
    return shown if group.parent_id is None else {**shown, "parent": group.parent_id}


def user(account: AccountRow) -> JsonObject:
    """An account as Ballchasing shows its users."""
    return {"steam_id": str(account.id), "name": account.name, "profile_url": "", "avatar": ""}


def group_link(group: GroupName, address: Address) -> JsonObject:
    """A group as its replays name it."""
    return {"id": group.id, "name": group.name, "link": address.group(group.id)}
