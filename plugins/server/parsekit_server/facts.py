"""What the catalogue keeps of a parser's answer: what lists show, and what they are filtered by.

An answer is read without trust in its shape: a field of another type is as one that is not there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from parsekit import JsonObject, game_of
from parsekit_server.catalogue.stored_text import made_storable
from parsekit_server.moments import moment_of
from parsekit_server.ranks import account_of

_COLORS = ("blue", "orange")
#: Fields of a body that stand in a list as they are, and the two that are called otherwise there.
_BEFORE_TITLE = ("rocket_league_id",)
_AFTER_TITLE = (
    "map_code",
    "map_name",
    "playlist_id",
    "playlist_name",
    "duration",
    "overtime",
    "overtime_seconds",
    "season",
    "season_type",
    "date",
)
_RANKS = ("min_rank", "max_rank")
#: Characters of a text; PostgreSQL has at most 2 704 bytes in an index.
_LONGEST = 500
_OF_PLAYER = ("start_time", "end_time", "name", "id", "mvp", "pro", "rank")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayerFacts:
    """A player of one replay. ``account`` is ``platform:id``, "" for one without."""

    account: str
    name: str
    won: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayFacts:
    """What lists show of one replay (``item``), and what they are filtered by."""

    item: JsonObject
    title: str | None
    date_us: int | None
    match_guid: str | None
    playlist: str | None
    season: str | None
    map_code: str | None
    map_name: str | None
    min_tier: int | None
    max_tier: int | None
    recorder_won: bool | None
    pro: bool
    players: tuple[PlayerFacts, ...]


def facts_of(data: JsonObject) -> ReplayFacts:
    """Read a parser's answer; never fails."""
    players = tuple(_players(data))
    return ReplayFacts(
        item=_item(data),
        title=_text(data, "title"),
        date_us=moment_of(data.get("date")),
        match_guid=_text(data, "match_guid"),
        playlist=_text(data, "playlist_id"),
        season=_season(data),
        map_code=_text(data, "map_code"),
        map_name=_text(data, "map_name"),
        min_tier=_tier(data, "min_rank"),
        max_tier=_tier(data, "max_rank"),
        recorder_won=_recorder_won(data, players),
        pro=any(each.get("pro") is True for color in _COLORS for each in _of_side(data, color)),
        players=players,
    )


def _players(data: JsonObject) -> Iterator[PlayerFacts]:
    winner = game_of(data).winner
    for color in _COLORS:
        for each in _of_side(data, color):
            yield PlayerFacts(
                account=_storable(account_of(each)),
                name=_text(each, "name") or "",
                won=None if winner is None else winner == color,
            )


def _recorder_won(data: JsonObject, players: tuple[PlayerFacts, ...]) -> bool | None:
    recorder = _text(data, "recorder")
    return next((each.won for each in players if recorder and each.name == recorder), None)


def _season(data: JsonObject) -> str | None:
    """The season as filters name it: ``f`` before the number of a free one."""
    number = data.get("season")
    if not isinstance(number, int):
        return None
    return f"f{number}" if data.get("season_type") == "free2play" else str(number)


def _tier(data: JsonObject, name: str) -> int | None:
    tier = _branch(data, name).get("tier")
    return tier if isinstance(tier, int) else None


def _item(data: JsonObject) -> JsonObject:
    item = {name: data[name] for name in _BEFORE_TITLE if name in data}
    item["replay_title"] = _text(data, "title")
    item |= {name: data[name] for name in _AFTER_TITLE if name in data}
    if "date_has_timezone" in data:
        item["date_has_tz"] = data["date_has_timezone"]
    item |= {name: data[name] for name in _RANKS if name in data}
    return item | {color: _side(data, color) for color in _COLORS}


def _side(data: JsonObject, color: str) -> JsonObject:
    side: JsonObject = {}
    if name := _text(_branch(data, color), "name"):
        side["name"] = name
    if goals := _core(_branch(data, color)).get("goals"):
        side["goals"] = goals
    if players := [_player(each) for each in _of_side(data, color)]:
        side["players"] = players
    return side


def _player(player: JsonObject) -> JsonObject:
    shown = {name: player[name] for name in _OF_PLAYER if name in player}
    score = _core(player).get("score")
    return shown if score is None else {**shown, "score": score}


def _of_side(data: JsonObject, color: str) -> Iterator[JsonObject]:
    players = _branch(data, color).get("players")
    for each in players if isinstance(players, list) else ():
        if isinstance(each, dict):
            yield each


def _core(owner: JsonObject) -> JsonObject:
    return _branch(_branch(owner, "stats"), "core")


def _branch(owner: JsonObject, name: str) -> JsonObject:
    found: Any = owner.get(name)
    return found if isinstance(found, dict) else {}


def _text(owner: JsonObject, name: str) -> str | None:
    found = owner.get(name)
    return _storable(found) if isinstance(found, str) and found else None


def _storable(text: str) -> str:
    """A text that every database takes, in an index too."""
    return made_storable(text[:_LONGEST])
