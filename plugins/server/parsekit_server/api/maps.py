"""``GET /maps``."""

from __future__ import annotations

from parsekit_server.api.call import ApiReply, Call


def get_maps(call: Call) -> ApiReply:
    """Answer code and name of every map of the replays that lists show to the caller."""
    return ApiReply(body=dict(call.site.replays.maps(call.viewer)))
