"""The parameters of a list of replays, read from its address.

A parameter with several values means any of them; different parameters all hold. A name of a
player is whole, without regard to case; a title holds the text anywhere. An unknown parameter is
ignored, as ballchasing.com ignores it, and one without a value counts as absent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from parsekit.errors import BadRequest
from parsekit_server.cursor import PageCursor
from parsekit_server.moments import read_rfc3339
from parsekit_server.ranks import TIER_OF

T = TypeVar("T")

#: Values of a parameter, by its name.
Query = Mapping[str, Sequence[str]]

MOST, USUAL = 200, 150
#: Values of one parameter, and characters of one: what a database compares in one question.
_MOST_VALUES, _LONGEST = 100, 10_000
#: Longer counts are all the same.
_DIGITS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPage:
    """Which items of a list are wanted: so many after the cursor, in this order."""

    count: int
    sort: Literal["created", "date", "name"]
    descending: bool
    after: PageCursor | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayFilters:
    """Which replays are wanted; an empty field asks for nothing."""

    title: tuple[str, ...]
    player_name: tuple[str, ...]
    player_id: tuple[str, ...]
    playlist: tuple[str, ...]
    season: tuple[str, ...]
    match_result: tuple[bool, ...]
    min_tier: int | None
    max_tier: int | None
    pro: bool
    uploader: str | None
    group: tuple[str, ...]
    map_code: tuple[str, ...]
    created_before_us: int | None
    created_after_us: int | None
    date_before_us: int | None
    date_after_us: int | None


def read_replay_filters(query: Query) -> ReplayFilters:
    """Read the filters of a list of replays. Raises `BadRequest` for a value without sense."""
    return ReplayFilters(
        title=_several(query, "title"),
        player_name=_several(query, "player-name"),
        player_id=_several(query, "player-id"),
        playlist=_several(query, "playlist"),
        season=_several(query, "season"),
        match_result=tuple(_won(each) for each in _several(query, "match-result")),
        min_tier=_tier(query, "min-rank"),
        max_tier=_tier(query, "max-rank"),
        pro=(_one(query, "pro") or "").lower() in {"true", "1", "yes"},
        uploader=_one(query, "uploader"),
        group=_several(query, "group"),
        map_code=_several(query, "map"),
        created_before_us=read_moment(query, "created-before"),
        created_after_us=read_moment(query, "created-after"),
        date_before_us=read_moment(query, "replay-date-before"),
        date_after_us=read_moment(query, "replay-date-after"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupFilters:
    """Which groups are wanted; an empty field asks for nothing. ``parent`` holds them itself."""

    name: str | None
    creator: str | None
    parent: str | None
    created_before_us: int | None
    created_after_us: int | None


def read_group_filters(query: Query) -> GroupFilters:
    """Read the filters of a list of groups. Raises `BadRequest` for a value without sense."""
    return GroupFilters(
        name=_one(query, "name"),
        creator=_one(query, "creator"),
        parent=_one(query, "group"),
        created_before_us=read_moment(query, "created-before"),
        created_after_us=read_moment(query, "created-after"),
    )


def read_group_page(query: Query) -> ListPage:
    """Read which page of a list of groups is wanted. Raises `BadRequest`."""
    return read_page(query, {"created": "created", "name": "name"})


def read_replay_page(query: Query) -> ListPage:
    """Read which page of a list of replays is wanted. Raises `BadRequest`."""
    sort: dict[str, Literal["created", "date"]] = {
        "upload-date": "created",
        "created": "created",
        "replay-date": "date",
    }
    return read_page(query, sort)


def read_page(query: Query, sorts: Mapping[str, Literal["created", "date", "name"]]) -> ListPage:
    """Read order, length and cursor; the first of ``sorts`` is the usual one."""
    sort = _choice(query, "sort-by", sorts)
    order = _choice(query, "sort-dir", {"desc": True, "asc": False})
    after = _one(query, "after")
    return ListPage(
        count=_count(query),
        sort=sort,
        descending=order,
        after=None if after is None else PageCursor.from_text(after, sort=sort),
    )


def read_moment(query: Query, name: str) -> int | None:
    """A moment that a parameter names. Raises `BadRequest`."""
    text = _one(query, name)
    return None if text is None else read_rfc3339(name, text)


def _several(query: Query, name: str) -> tuple[str, ...]:
    values = tuple(value for value in query.get(name, ()) if value)
    if len(values) > _MOST_VALUES or any(len(value) > _LONGEST for value in values):
        raise BadRequest(f"{name} is there {len(values)} times or too long; ask in several calls")
    return values


def _one(query: Query, name: str) -> str | None:
    """The last of several values."""
    return next(reversed(_several(query, name)), None)


def _choice(query: Query, name: str, choices: Mapping[str, T]) -> T:
    given = _one(query, name) or next(iter(choices))
    if given not in choices:
        raise BadRequest(f"{name} is {given[:40]!r}; write one of {', '.join(choices)}")
    return choices[given]


def _count(query: Query) -> int:
    text = _one(query, "count")
    if text is None:
        return USUAL
    if not text.isascii() or not text.isdecimal() or int(text[:_DIGITS]) < 1:
        raise BadRequest(f"count is {text[:40]!r}; write a number from 1 to {MOST}")
    return min(int(text[:_DIGITS]), MOST)


def _won(result: str) -> bool:
    if result not in {"win", "loss"}:
        raise BadRequest(f"match-result is {result[:40]!r}; write win or loss")
    return result == "win"


def _tier(query: Query, name: str) -> int | None:
    rank = _one(query, name)
    if rank is None:
        return None
    if rank not in TIER_OF:
        raise BadRequest(f"{name} is {rank[:40]!r}; write a rank as gold-2 or grand-champion-1")
    return TIER_OF[rank]
