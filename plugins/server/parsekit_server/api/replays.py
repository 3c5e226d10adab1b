"""``/replays``: lists, one replay, its file, changes and its end."""

from __future__ import annotations

from parsekit.errors import BadRequest
from parsekit_server.access import Visibility
from parsekit_server.api.bodies import list_item, replay_body
from parsekit_server.api.call import NOTHING, ApiReply, Call
from parsekit_server.api.fields import one_of, text_field
from parsekit_server.api.pages import page_reply
from parsekit_server.catalogue.replays import ReplayChanges
from parsekit_server.errors import NotFound
from parsekit_server.filters import read_replay_filters, read_replay_page


def list_replays(call: Call) -> ApiReply:
    """``GET /replays``."""
    filters, page = read_replay_filters(call.query), read_replay_page(call.query)
    found = call.site.listing.page(filters, page, call.viewer)
    items = [list_item(each, call.address) for each in found.replays]
    return page_reply(call, items, total=found.total, after=found.after)


def get_replay(call: Call) -> ApiReply:
    """``GET /replays/{id}``."""
    row = call.site.replays.find(call.names["id"], call.viewer)
    data = call.site.replays.data(row.id) if row.status == "ok" else None
    return ApiReply(body=replay_body(row, data, call.address))


def patch_replay(call: Call) -> ApiReply:
    """``PATCH /replays/{id}``: title, visibility, group."""
    title = text_field(call.payload, "title")
    if title is not None and not title.strip():
        raise BadRequest("title is empty; write one, or leave it out")
    visibility = text_field(call.payload, "visibility")
    changes = ReplayChanges(
        title=title,
        visibility=one_of(Visibility, "visibility", visibility),
        group_id=text_field(call.payload, "group"),
    )
    call.site.change_replay(call.names["id"], changes, call.viewer)
    return NOTHING


def delete_replay(call: Call) -> ApiReply:
    """``DELETE /replays/{id}``: file, answer and all."""
    call.site.delete_replay(call.names["id"], call.viewer)
    return NOTHING


def get_file(call: Call) -> ApiReply:
    """``GET /replays/{id}/file``, and ``/dl/replay/{id}``: the bytes that were uploaded."""
    row = call.site.replays.find(call.names["id"], call.viewer)
    path = call.site.files.path(row.id)
    if not path.is_file():
        raise NotFound("the file of this replay is gone")
    return ApiReply(file=path, filename=f"{row.id}.replay")
