"""``/replay/{id}``: the match, while it is parsed, when it is, or why it can't be."""

from __future__ import annotations

from markupsafe import Markup

from parsekit import JsonObject
from parsekit_server.catalogue.listing import ListedReplay
from parsekit_server.errors import NotFound
from parsekit_server.facts import facts_of
from parsekit_server.pages.call import PageCall, PageReply, page
from parsekit_server.pages.replay_line import line_of


def replay_page(call: PageCall) -> PageReply:
    """Show a replay that the viewer may see."""
    row = call.site.replays.find(call.names["id"], call.viewer)
    data = call.site.replays.data(row.id) if row.status == "ok" else None
    item = {} if data is None else facts_of(data).item
    content = None if data is None else call.site.contents.get(row.id, data)
    return page(
        call,
        "replay.html",
        line=line_of(ListedReplay(row=row, item=item)),
        content=content,
        body=None if content is None else Markup(content.body),  # noqa: S704  (the plugin's HTML)
    )


def replay_status(call: PageCall) -> PageReply:
    """Answer a page's script whether a replay is parsed."""
    row = call.site.replays.find(call.names["id"], call.viewer)
    known: JsonObject = {"status": row.status, "title": row.title}
    return PageReply(json={**known, "reason": row.failure_message or ""})


def replay_file(call: PageCall) -> PageReply:
    """Give the uploaded file to who may see the replay, also to the owner of a private one."""
    row = call.site.replays.find(call.names["id"], call.viewer)
    path = call.site.files.path(row.id)
    if not path.is_file():
        raise NotFound("the file of this replay is gone")
    return PageReply(file=path)
