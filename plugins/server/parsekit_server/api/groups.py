"""``/groups``: lists, a group with its sums, changes and its end."""

from __future__ import annotations

from collections.abc import Sequence

from parsekit import JsonObject, TeamIdentification
from parsekit.errors import BadRequest
from parsekit_server.access import PlayerIdentification
from parsekit_server.api.bodies import group_body, user
from parsekit_server.api.call import NOTHING, ApiReply, Call
from parsekit_server.api.fields import bool_field, one_of, text_field
from parsekit_server.api.pages import page_reply
from parsekit_server.catalogue.groups import GroupChanges, GroupMember, NewGroup
from parsekit_server.filters import read_group_filters, read_group_page


def list_groups(call: Call) -> ApiReply:
    """``GET /groups``."""
    filters, page = read_group_filters(call.query), read_group_page(call.query)
    found = call.site.group_listing.page(filters, page, call.viewer)
    counts = call.site.groups.counts(found.groups, call.viewer)
    items = [
        {
            **group_body(group, call.address),
            "direct_replays": counts[group.id].direct,
            "indirect_replays": counts[group.id].indirect,
            "shared": group.shared,
            "user": user(group.creator),
        }
        for group in found.groups
    ]
    return page_reply(call, items, total=found.total, after=found.after)


def create_group(call: Call) -> ApiReply:
    """``POST /groups``."""
    name = text_field(call.payload, "name")
    if name is None or not name.strip():
        raise BadRequest("name is missing; write the name of the group")
    new = NewGroup(
        name=name,
        parent_id=text_field(call.payload, "parent") or None,
        player_identification=_players(call.payload) or PlayerIdentification.BY_ID,
        team_identification=_teams(call.payload) or TeamIdentification.DISTINCT,
    )
    group = call.site.create_group(new, call.viewer)
    return ApiReply(status=201, body={"id": group.id, "link": call.address.group(group.id)})


def get_group(call: Call) -> ApiReply:
    """``GET /groups/{id}``: sums of all replays in it and below it that the caller may see."""
    group = call.site.groups.find(call.names["id"])
    members = call.site.groups.members(group, call.viewer)
    body = {
        **group_body(group, call.address),
        "status": _status(members),
        "shared": group.shared,
        "creator": user(group.creator),
    }
    if failed := [each.id for each in members if each.status == "failed" and each.listed]:
        body["failed_replays"] = failed
    sums = call.site.group_games.sums(group, members)
    return ApiReply(body=body | {name: value for name, value in sums.items() if value})


def patch_group(call: Call) -> ApiReply:
    """``PATCH /groups/{id}``."""
    name = text_field(call.payload, "name")
    if name is not None and not name.strip():
        raise BadRequest("name is empty; write one, or leave it out")
    changes = GroupChanges(
        name=name,
        parent_id=text_field(call.payload, "parent"),
        player_identification=_players(call.payload),
        team_identification=_teams(call.payload),
        shared=bool_field(call.payload, "shared"),
    )
    call.site.change_group(call.names["id"], changes, call.viewer)
    return NOTHING


def delete_group(call: Call) -> ApiReply:
    """``DELETE /groups/{id}``: with the groups below it; replays stay."""
    call.site.delete_group(call.names["id"], call.viewer)
    return NOTHING


def _status(members: Sequence[GroupMember]) -> str:
    statuses = {each.status for each in members}
    if "pending" in statuses:
        return "pending_replays"
    return "failed_replays" if "failed" in statuses else "ok"


def _players(payload: JsonObject) -> PlayerIdentification | None:
    name = "player_identification"
    return one_of(PlayerIdentification, name, text_field(payload, name))


def _teams(payload: JsonObject) -> TeamIdentification | None:
    name = "team_identification"
    return one_of(TeamIdentification, name, text_field(payload, name))
