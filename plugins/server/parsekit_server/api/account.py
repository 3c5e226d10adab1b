"""``GET /``: whose token this is."""

from __future__ import annotations

from parsekit_server.api.call import ApiReply, Call

_UNLIMITED = {"max": 0, "used": 0, "unlimited": True}


def ping(call: Call) -> ApiReply:
    """Answer name and number. The type is the one that clients pace themselves least for."""
    return ApiReply(
        body={
            "ball": True,
            "boost": True,
            "chaser": True,
            "chat": {"YOU": "What a save!"},
            "name": call.viewer.name,
            "steam_id": str(call.viewer.account_id),
            "type": "gc",
            "quota": {"uploads_in_24h": _UNLIMITED, "uploads_in_7d": _UNLIMITED},
        }
    )
