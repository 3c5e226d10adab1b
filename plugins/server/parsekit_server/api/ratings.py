"""``POST /v1/mmr``: the ranks with which a match was played, from a program beside the game.

The call is not documented; its shape is what public clients send.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from parsekit import JsonObject
from parsekit.errors import BadRequest
from parsekit_server.api.call import NOTHING, ApiReply, Call
from parsekit_server.api.fields import text_field
from parsekit_server.ranks import Rank

#: The game's numbers of platforms.
_PLATFORMS = {1: "steam", 2: "ps4", 4: "xbox", 7: "psynet", 11: "epic"}
_MATCH = re.compile(r"[0-9A-Fa-f]{32}")
_MOST_PLAYERS = 64


def report_ranks(call: Call) -> ApiReply:
    """Keep the ranks. Players of platforms that are not known are left out."""
    call.viewer.check_uploads()
    match_guid = text_field(call.payload, "game") or ""
    if not _MATCH.fullmatch(match_guid):
        raise BadRequest("game is no id of a match, 32 hex digits")
    players = call.payload.get("players")
    if not isinstance(players, list) or len(players) > _MOST_PLAYERS:
        raise BadRequest(f"players is no list of at most {_MOST_PLAYERS}")
    ranks = dict(_ranks(players))
    call.site.report_ranks(match_guid.upper(), ranks, call.viewer)
    return NOTHING


def _ranks(players: list[object]) -> Iterator[tuple[str, Rank]]:
    for player in players:
        if not isinstance(player, dict):
            raise BadRequest("a player is no JSON object")
        platform, number = player.get("platform_id"), player.get("id")
        rank = _rank(player, "before") or _rank(player, "after")
        if not isinstance(platform, int) or platform not in _PLATFORMS or not rank:
            continue
        if number and str(number).isprintable():
            yield f"{_PLATFORMS[platform]}:{str(number)[:100]}", rank


def _rank(player: JsonObject, when: str) -> Rank | None:
    """The rank of a player before or after the match; the game counts divisions from 0."""
    skill = player.get(when)
    tier, division = (
        (skill.get("tier"), skill.get("division")) if isinstance(skill, dict) else (0, 0)
    )
    if not isinstance(tier, int) or not isinstance(division, int):
        return None
    rank = Rank(tier, division + 1)
    return rank if rank.known else None
