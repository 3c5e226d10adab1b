"""A page of a list: its items, the total, and the address of the next page."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from parsekit import JsonObject
from parsekit_server.api.call import ApiReply, Call
from parsekit_server.cursor import PageCursor


def page_reply(
    call: Call, items: Sequence[JsonObject], *, total: int, after: PageCursor | None
) -> ApiReply:
    """Answer a page; ``next`` is there while there is more, with all that was asked for."""
    body: JsonObject = {"count": total, "list": list(items)}
    if after is not None:
        query = {**call.query, "after": [after.to_text()]}
        body["next"] = f"{call.address.root}{call.path}?{urlencode(query, doseq=True)}"
    return ApiReply(body=body)
