"""Lists of replays: filtered, in an order, a page at a time.

A page begins behind the cursor's place in an index, so that it costs the same wherever it is: an
index of replays, or of the players that are asked for. The total is counted up to `COUNTED`, as
counting has no index.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    func,
    literal,
    or_,
    select,
    true,
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
_SORTED_BY = {"created": "created_us", "date": "date_us"}


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
        found = _found(filters, viewer, _SORTED_BY[page.sort])
        order, number = found.selected_columns.sorted_by, found.selected_columns.id
        wanted = behind(found, order, number, page).limit(page.count + 1).subquery()
        rows = REPLAYS.add_columns(body.c.item, wanted.c.sorted_by).outerjoin(body)
        rows = rows.join(wanted, wanted.c.id == replay.c.id)
        counted = found.limit(COUNTED).subquery()
        with self._database.reading() as connection:
            some = connection.execute(in_order(rows, wanted.c.sorted_by, replay.c.id, page)).all()
            shown = some[: page.count]
            more = len(some) > len(shown)
            total: int | None = len(some)
            if more or page.after is not None:
                total = connection.scalar(select(func.count()).select_from(counted))
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
    return in_order(rows, order, number, page)


def in_order(
    rows: Select[Any], order: ColumnElement[Any], number: ColumnElement[Any], page: ListPage
) -> Select[Any]:
    """Rows in the order of a column, and of their ids where that is equal."""
    if page.descending:
        return rows.order_by(order.desc(), number.desc())
    return rows.order_by(order, number)


def _listed(row: Any) -> ListedReplay:
    item = {} if row.item is None else unpacked(row.item)
    return ListedReplay(row=replay_row(row), item=item)


def _found(filters: ReplayFilters, viewer: Viewer, moment: str) -> Select[Any]:
    """``id`` and ``sorted_by`` of all that is wanted.

    `match-result` is that of the players who are asked for, else of who recorded the match.
    """
    players = [*_played(filters)]
    if players:
        order = player.c[moment].label("sorted_by")
        found = select(player.c.replay_id.label("id"), order).distinct().where(players[0])
        found = found.join(replay, player.c.replay_id == replay.c.id)
    else:
        found = select(replay.c.id, replay.c[moment].label("sorted_by"))
        if filters.match_result:
            found = found.where(replay.c.recorder_won.in_(filters.match_result))
    for other in players[1:]:
        also = select(player.c.replay_id).where(other).correlate(None)
        found = found.where(replay.c.id.in_(also))
    return found.where(*_conditions(filters, viewer))


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


def account_number(text: str, viewer: Viewer) -> int:
    """The account that a filter names: a number, or ``me``; 0, which nobody has, for any other."""
    if text == "me":
        return viewer.account_id or 0
    return int(text) if text.isascii() and text.isdecimal() and len(text) < _DIGITS else 0


def _played(filters: ReplayFilters) -> Iterator[ColumnElement[bool]]:
    """Of a player's row: who is asked for, and whether they won."""
    names = [name.casefold() for name in filters.player_name]
    for column, values in ((player.c.account, filters.player_id), (player.c.name_folded, names)):
        if values:
            won = player.c.won.in_(filters.match_result) if filters.match_result else true()
            yield column.in_(values) & won
