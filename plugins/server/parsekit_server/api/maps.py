"""``GET /maps``."""

from __future__ import annotations

from parsekit_server.api.call import ApiReply, Call


def get_maps(call: Call) -> ApiReply:
    """Answer code and name of every map on which a replay of this server was played."""
    return ApiReply(body=dict(call.site.replays.maps()))
