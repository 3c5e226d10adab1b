"""Lists of groups, a page at a time, made as those of replays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, func, literal, select, true

from parsekit_server.access import Viewer
from parsekit_server.catalogue.database import Database
from parsekit_server.catalogue.groups import GROUPS, group_row
from parsekit_server.catalogue.listing import COUNTED, account_number, behind
from parsekit_server.catalogue.rows import GroupRow
from parsekit_server.catalogue.schema import replay_group
from parsekit_server.cursor import PageCursor
from parsekit_server.filters import GroupFilters, ListPage

_SORTED_BY: dict[str, ColumnElement[Any]] = {
    "created": replay_group.c.created_us,
    "name": replay_group.c.name_folded,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupPage:
    """A page of a list; ``after`` is where the next one begins, None after the last."""

    total: int
    groups: tuple[GroupRow, ...]
    after: PageCursor | None


class GroupListing:
    """Lists of groups."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, filters: GroupFilters, page: ListPage, viewer: Viewer) -> GroupPage:
        """The groups of which these filters hold."""
        wanted = and_(true(), *_conditions(filters, viewer))
        order = _SORTED_BY[page.sort]
        rows = GROUPS.add_columns(order.label("sorted_by")).where(wanted)
        found = behind(rows, order, replay_group.c.id, page).limit(page.count + 1)
        counted = select(literal(1)).select_from(replay_group).where(wanted).limit(COUNTED)
        with self._database.reading() as connection:
            total = connection.scalar(select(func.count()).select_from(counted.subquery()))
            some = connection.execute(found).all()
        shown = some[: page.count]
        after = None
        if len(some) > len(shown):
            after = PageCursor(sort=page.sort, value=shown[-1].sorted_by, id=shown[-1].id)
        return GroupPage(total=total or 0, groups=tuple(map(group_row, shown)), after=after)


def _conditions(filters: GroupFilters, viewer: Viewer) -> Iterator[ColumnElement[bool]]:
    if filters.name:
        yield replay_group.c.name_folded.contains(filters.name.casefold(), autoescape=True)
    if filters.creator:
        yield replay_group.c.creator_id == account_number(filters.creator, viewer)
    if filters.parent:
        yield replay_group.c.parent_id == filters.parent
    if filters.created_after_us is not None:
        yield replay_group.c.created_us >= filters.created_after_us
    if filters.created_before_us is not None:
        yield replay_group.c.created_us <= filters.created_before_us
