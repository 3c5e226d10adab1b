"""Players' ranks, where the recorder ran a plugin that wrote them into the replay.

BakkesMod adds debug rows ``MMR:<platform>|<account>|<local number>:PRE`` with the text
``<rating>|<tier>|<division>``, divisions from 0 (55 of 56 values of five real bodies agree).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from parsekit import JsonObject
from parsekit_local.stream.frames import PlatformAccount
from parsekit_local.tables.ranks import RANKS

_USER = re.compile(r"MMR:(\w+)\|([^|]+)\|(\d+):PRE")
_TEXT = re.compile(r"[-+.\deE]+\|(\d{1,2})\|(\d)")
_PLATFORMS = {
    "Steam": "steam",
    "Epic": "epic",
    "PS4": "playstation",
    "XboxOne": "xbox",
    "PsyNet": "psynet",
    "Switch": "switch",
}

#: Platform, account id and local number.
AccountKey = tuple[str, str, int]


def ranks_of(debug_rows: Iterable[tuple[str, str]]) -> Mapping[AccountKey, JsonObject]:
    """Read the ranks before the match; rows that are something else are passed over."""
    found: dict[AccountKey, JsonObject] = {}
    for user, text in debug_rows:
        who, rating = _USER.fullmatch(user), _TEXT.fullmatch(text)
        if who and rating and who[1] in _PLATFORMS and int(rating[1]) < len(RANKS):
            key = (_PLATFORMS[who[1]], who[2], int(who[3]))
            found[key] = _rank(int(rating[1]), int(rating[2]) + 1)
    return found


def account_key(account: PlatformAccount | None) -> AccountKey | None:
    """Give the key under which an account's rank is found."""
    return (account.platform, account.id, account.player_number) if account else None


def extremes(ranks: Iterable[JsonObject]) -> JsonObject:
    """Give ``min_rank`` and ``max_rank``; nothing without ranks."""
    ordered = sorted(
        (rank for rank in ranks if rank["tier"]),
        key=lambda rank: (rank["tier"], rank.get("division", 0)),
    )
    return {"min_rank": ordered[0], "max_rank": ordered[-1]} if ordered else {}


def _rank(tier: int, division: int) -> JsonObject:
    identifier, name = RANKS[tier]
    if tier in (0, len(RANKS) - 1):  # the lowest and the highest have no divisions
        return {"id": identifier, "tier": tier, "name": name}
    return {
        "id": identifier,
        "tier": tier,
        "division": division,
        "name": f"{name} Division {division}",
    }
