"""Lists of replays: filtered, in an order, a page at a time.

A page begins behind the cursor's place in an index, so that it costs the same wherever it is. The
total is counted up to `COUNTED`, as counting has no index.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    func,
    literal,
    or_,
    select,
    tuple_,
)

from parsekit import JsonObject
from parsekit_server.access import Viewer
from parsekit_server.catalogue.compressed import unpacked
from parsekit_server.catalogue.database import Database
from parsekit_server.catalogue.replays import REPLAYS, replay_row
from parsekit_server.catalogue.rows import ReplayRow
from parsekit_server.catalogue.schema import body, player, replay
from parsekit_server.catalogue.visible import listed, listed_in_group
from parsekit_server.cursor import PageCursor
from parsekit_server.filters import ListPage, ReplayFilters

#: The total of a list is this where there are more.
COUNTED = 10_000
#: Longer numbers are of other sites' accounts.
_DIGITS = 10
_SORTED_BY = {"created": replay.c.created_us, "date": replay.c.date_us}


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedReplay:
    """A replay with its line in a list, which is empty while nothing is known of it."""

    row: ReplayRow
    item: JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayPage:
    """A page of a list; ``after`` is where the next one begins, None after the last."""

    total: int
    replays: tuple[ListedReplay, ...]
    after: PageCursor | None


class Listing:
    """Lists of replays."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, filters: ReplayFilters, page: ListPage, viewer: Viewer) -> ReplayPage:
        """The replays that the viewer may find, of which these filters hold."""
        wanted = and_(*_conditions(filters, viewer))
        order = _SORTED_BY[page.sort]
        rows = REPLAYS.add_columns(body.c.item, order.label("sorted_by")).outerjoin(body)
        found = behind(rows.where(wanted), order, replay.c.id, page).limit(page.count + 1)
        counted = select(literal(1)).select_from(replay).where(wanted).limit(COUNTED)
        with self._database.reading() as connection:
            some = connection.execute(found).all()
            shown = some[: page.count]
            more = len(some) > len(shown)
            total: int | None = len(some)
            if more or page.after is not None:
                total = connection.scalar(select(func.count()).select_from(counted.subquery()))
        return ReplayPage(
            total=total or 0,
            replays=tuple(_listed(row) for row in shown),
            after=PageCursor(sort=page.sort, value=shown[-1].sorted_by, id=shown[-1].id)
            if more
            else None,
        )


def behind(
    rows: Select[Any], order: ColumnElement[Any], number: ColumnElement[Any], page: ListPage
) -> Select[Any]:
    """Rows in the order of a column, and of their ids where that is equal, from the cursor on."""
    place = tuple_(order, number)
    if page.after is not None:
        last = tuple_(literal(page.after.value), literal(page.after.id))
        rows = rows.where(place < last if page.descending else place > last)
    if page.descending:
        return rows.order_by(order.desc(), number.desc())
    return rows.order_by(order, number)


def _listed(row: Any) -> ListedReplay:
    item = {} if row.item is None else unpacked(row.item)
    return ListedReplay(row=replay_row(row), item=item)


def _conditions(filters: ReplayFilters, viewer: Viewer) -> Iterator[ColumnElement[bool]]:
    yield listed_in_group(viewer) if filters.group else listed(viewer)
    for column, values in (
        (replay.c.playlist, filters.playlist),
        (replay.c.season, filters.season),
        (replay.c.map_code, filters.map_code),
        (replay.c.group_id, filters.group),
    ):
        if values:
            yield column.in_(values)
    for column, least in (
        (replay.c.min_tier, filters.min_tier),
        (replay.c.created_us, filters.created_after_us),
        (replay.c.date_us, filters.date_after_us),
    ):
        if least is not None:
            yield column >= least
    for column, most in (
        (replay.c.max_tier, filters.max_tier),
        (replay.c.created_us, filters.created_before_us),
        (replay.c.date_us, filters.date_before_us),
    ):
        if most is not None:
            yield column <= most
    if filters.title:
        folded = (title.casefold() for title in filters.title)
        yield or_(*(replay.c.title_folded.contains(each, autoescape=True) for each in folded))
    if filters.pro:
        yield replay.c.pro
    if filters.uploader:
        yield replay.c.uploader_id == account_number(filters.uploader, viewer)
    yield from _played(filters)


def account_number(text: str, viewer: Viewer) -> int:
    """The account that a filter names: a number, or ``me``; 0, which nobody has, for any other."""
    if text == "me":
        return viewer.account_id or 0
    return int(text) if text.isascii() and text.isdecimal() and len(text) < _DIGITS else 0


def _played(filters: ReplayFilters) -> Iterator[ColumnElement[bool]]:
    """Who was in it, and whether they won; without a name it is whoever recorded it."""
    names = [name.casefold() for name in filters.player_name]
    asked = [
        column.in_(values)
        for column, values in (
            (player.c.account, filters.player_id),
            (player.c.name_folded, names),
        )
        if values
    ]
    if not asked:
        if filters.match_result:
            yield replay.c.recorder_won.in_(filters.match_result)
        return
    for condition in asked:
        played = select(player.c.replay_id).where(condition)
        if filters.match_result:
            played = played.where(player.c.won.in_(filters.match_result))
        yield replay.c.id.in_(played)
