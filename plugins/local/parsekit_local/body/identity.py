"""Player ids as Ballchasing writes them."""

from __future__ import annotations

from parsekit import JsonObject
from parsekit_local.stream.frames import PlatformAccount

#: Our platform words to Ballchasing's. Nintendo players are "psynet" there.
_PLATFORMS = {
    "steam": "steam",
    "epic": "epic",
    "playstation": "ps4",
    "xbox": "xbox",
    "psynet": "psynet",
    "switch": "psynet",
}
_XBOX_ID_BYTES = 8


def player_id(account: PlatformAccount | None) -> JsonObject:
    """Write a player's ``id``: platform, id, and the number of a second local player.

    Bots, and accounts of platforms that Ballchasing does not know, have ``{}``.
    """
    platform = _PLATFORMS.get(account.platform) if account else None
    if account is None or platform is None:
        return {}
    local = {"player_number": account.player_number} if account.player_number else {}
    return {"platform": platform, "id": _id(account), **local}


def _id(account: PlatformAccount) -> str:
    if account.platform == "playstation":
        return account.online_name or account.id
    if account.platform == "xbox" and account.id.isdigit():
        return _xbox_id(int(account.id))
    return account.id


def _xbox_id(number: int) -> str:
    """Write the number's bytes, lowest first, in hex (seen in three real bodies)."""
    return (number % (1 << 8 * _XBOX_ID_BYTES)).to_bytes(_XBOX_ID_BYTES, "little").hex()
