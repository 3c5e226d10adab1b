"""Groups of replays: a tree, of which every part may be summed up.

A group holds its ancestors' ids in its ``path``, so that all below it is one range of an index.
"""

from __future__ import annotations

import re
import secrets
import string
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from parsekit import TeamIdentification
from parsekit.errors import BadRequest
from parsekit_server.access import PlayerIdentification, Viewer
from parsekit_server.catalogue.database import Database
from parsekit_server.catalogue.rows import AccountRow, GroupRow, Status
from parsekit_server.catalogue.schema import account, body, replay, replay_group
from parsekit_server.catalogue.visible import listed_in_group, reachable
from parsekit_server.errors import NotFound
from parsekit_server.moments import now_us

#: Groups within groups, at most.
_DEEPEST = 16
_ID_CHARACTERS = string.ascii_lowercase + string.digits


@dataclass(frozen=True, slots=True, kw_only=True)
class NewGroup:
    """A group that is to be made."""

    name: str
    parent_id: str | None
    player_identification: PlayerIdentification
    team_identification: TeamIdentification


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupChanges:
    """What is to be changed of a group; None stays. ``parent_id`` "" takes it out of its parent."""

    name: str | None = None
    parent_id: str | None = None
    player_identification: PlayerIdentification | None = None
    team_identification: TeamIdentification | None = None
    shared: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupMember:
    """A replay in a group. ``edition`` is another one when its body has changed.

    ``listed``: its id may be shown; who may see one that is unlisted has to know it.
    """

    id: str
    listed: bool
    status: Status
    edition: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayCounts:
    """Replays in a group itself, and in those below it, that a viewer sees."""

    direct: int
    indirect: int


class Groups:
    """Every group."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, new: NewGroup, viewer: Viewer) -> GroupRow:
        """Make a group of the viewer's. Raises `NotFound`, `Forbidden` for a parent of others.

        Raises `BadRequest` where the viewer has one of this name in the same place.
        """
        creator_id = viewer.check_uploads()
        group_id = _new_id(new.name)
        with self._database.admitting() as connection:
            parent = _parent(connection, new.parent_id, viewer)
            _check_name(connection, new.name, parent, creator_id)
            values = {
                "id": group_id,
                "creator_id": creator_id,
                "shared": False,
                "created_us": now_us(),
                "player_identification": new.player_identification,
                "team_identification": new.team_identification.value,
                **_named(new.name),
                **_placed(group_id, parent, shared=False),
            }
            connection.execute(insert(replay_group).values(values))
            return _find(connection, group_id)

    def find(self, group_id: str) -> GroupRow:
        """A group. Raises `NotFound`."""
        with self._database.reading() as connection:
            return _find(connection, group_id)

    def change(self, group_id: str, changes: GroupChanges, viewer: Viewer) -> None:
        """Change a group of the viewer's. Raises `NotFound`, `Forbidden`, `BadRequest`."""
        with self._database.admitting() as connection:
            group = _find(connection, group_id)
            viewer.check_changes(group.creator.id)
            parent_id = group.parent_id if changes.parent_id is None else changes.parent_id
            parent = _parent(connection, parent_id or None, viewer)
            if parent is not None and parent.path.startswith(group.path):
                raise BadRequest(f"{parent.id} is below this group, so it can't hold it")
            values = _changed(changes)
            connection.execute(update(replay_group).where(_is(group.id)).values(values))
            if changes.parent_id is not None or changes.shared is not None:
                _place_again(connection, group, parent)

    def delete(self, group_id: str, viewer: Viewer) -> None:
        """Delete a group and those below it; their replays stay, in no group."""
        with self._database.admitting() as connection:
            group = _find(connection, group_id)
            viewer.check_changes(group.creator.id)
            connection.execute(delete(replay_group).where(_is(group.id)))

    def members(self, group: GroupRow, viewer: Viewer) -> list[GroupMember]:
        """The replays in a group and below it that the viewer may see, oldest first."""
        rows = (
            select(
                replay.c.id,
                replay.c.date_us,
                replay.c.status,
                body.c.edition,
                listed_in_group(viewer).label("listed"),
            )
            .join(replay_group, replay.c.group_id == replay_group.c.id)
            .outerjoin(body)
            .where(_within(group.path), reachable(viewer))
        )
        with self._database.reading() as connection:
            found = connection.execute(rows).all()
        # sorted here: asked to, SQLite reads all replays by date and picks those of the group
        found = sorted(found, key=lambda row: (row.date_us, row.id))
        return [
            GroupMember(id=row.id, listed=row.listed, status=row.status, edition=row.edition or 0)
            for row in found
        ]

    def counts(self, groups: Sequence[GroupRow], viewer: Viewer) -> dict[str, ReplayCounts]:
        """How many replays each of these groups has, by its id."""
        if not groups:
            return {}
        rows = (
            select(replay_group.c.path, func.count().label("replays"))
            .join(replay, replay.c.group_id == replay_group.c.id)
            .where(or_(*(_within(group.path) for group in groups)), reachable(viewer))
            .group_by(replay_group.c.path)
        )
        with self._database.reading() as connection:
            found = {row.path: row.replays for row in connection.execute(rows)}
        return {group.id: _count(group.path, found) for group in groups}


def _count(path: str, found: dict[str, int]) -> ReplayCounts:
    below = (number for other, number in found.items() if other.startswith(path) and other != path)
    return ReplayCounts(direct=found.get(path, 0), indirect=sum(below))


def _new_id(name: str) -> str:
    words = re.sub(r"[^a-z0-9]+", "_", name.casefold()).strip("_")[:40]
    return f"{words or 'group'}-{''.join(secrets.choice(_ID_CHARACTERS) for _ in range(10))}"


def _parent(connection: Connection, parent_id: str | None, viewer: Viewer) -> GroupRow | None:
    """The group that is to hold another, which must be the viewer's."""
    if parent_id is None:
        return None
    parent = _find(connection, parent_id)
    viewer.check_changes(parent.creator.id)
    if parent.path.count("/") >= _DEEPEST:
        raise BadRequest(f"groups stand in one another {_DEEPEST} deep at most")
    return parent


def _check_name(
    connection: Connection, name: str, parent: GroupRow | None, creator_id: int
) -> None:
    place = replay_group.c.parent_id == (None if parent is None else parent.id)
    same = (replay_group.c.creator_id == creator_id, replay_group.c.name == name)
    if connection.scalar(select(replay_group.c.id).where(place, *same).limit(1)) is not None:
        raise BadRequest(f"there is a group {name!r} in this place; take that, or another name")


def _named(name: str) -> dict[str, Any]:
    return {"name": name, "name_folded": name.casefold()}


def _placed(group_id: str, parent: GroupRow | None, *, shared: bool) -> dict[str, Any]:
    if parent is None:
        return {"parent_id": None, "path": f"{group_id}/", "open_to_all": shared}
    opened = shared or parent.open_to_all
    return {
        "parent_id": parent.id,
        "path": f"{parent.path}{group_id}/",
        "open_to_all": opened,
    }


def _changed(changes: GroupChanges) -> dict[str, Any]:
    values: dict[str, Any] = {} if changes.name is None else _named(changes.name)
    if changes.player_identification is not None:
        values["player_identification"] = changes.player_identification
    if changes.team_identification is not None:
        values["team_identification"] = changes.team_identification.value
    if changes.shared is not None:
        values["shared"] = changes.shared
    return values or {"id": replay_group.c.id}


def _place_again(connection: Connection, group: GroupRow, parent: GroupRow | None) -> None:
    """Write path and openness of a group, and of all below it, anew."""
    tree = connection.execute(GROUPS.where(_within(group.path)).order_by(replay_group.c.path))
    placed: dict[str, GroupRow] = {}
    for row in map(group_row, tree.all()):
        above = parent if row.id == group.id else placed[row.parent_id or ""]
        values = _placed(row.id, above, shared=row.shared)
        if values["path"].count("/") > _DEEPEST:
            raise BadRequest(f"groups stand in one another {_DEEPEST} deep at most")
        connection.execute(update(replay_group).where(_is(row.id)).values(values))
        placed[row.id] = replace(row, path=values["path"], open_to_all=values["open_to_all"])


def _is(group_id: str) -> ColumnElement[bool]:
    return replay_group.c.id == group_id


def _within(path: str) -> ColumnElement[bool]:
    """A group and all below it: 0 is the character behind the slash."""
    return and_(replay_group.c.path >= path, replay_group.c.path < f"{path[:-1]}0")


#: A group with the name of who made it.
GROUPS = select(replay_group, account.c.name.label("creator_name")).join(
    account, replay_group.c.creator_id == account.c.id
)


def _find(connection: Connection, group_id: str) -> GroupRow:
    found = connection.execute(GROUPS.where(_is(group_id))).one_or_none()
    if found is None:
        raise NotFound("group not found")
    return group_row(found)


def group_row(row: Row[Any]) -> GroupRow:
    """Read a row of `GROUPS`."""
    return GroupRow(
        id=row.id,
        name=row.name,
        creator=AccountRow(id=row.creator_id, name=row.creator_name),
        parent_id=row.parent_id,
        path=row.path,
        player_identification=PlayerIdentification(row.player_identification),
        team_identification=TeamIdentification(row.team_identification),
        shared=row.shared,
        open_to_all=row.open_to_all,
        created_us=row.created_us,
    )
