"""The endpoints of groups."""

from __future__ import annotations

import re
import uuid

from parsekit import JsonObject
from parsekit_ballchasing.simulator.exchange import ApiCall, Reply, failure, json_of
from parsekit_ballchasing.simulator.site import Site, rfc3339


def create_group(site: Site, call: ApiCall) -> Reply:
    """POST /groups."""
    wanted = json_of(call)
    if not wanted or not isinstance(wanted.get("name"), str):
        return failure(400, "a group needs a name")
    parent = wanted.get("parent")
    same = (g for g in site.groups.values() if g["name"] == wanted["name"])
    if any(group.get("parent") == parent for group in same):
        return failure(400, "a group of this name exists")
    group_id = f"{re.sub(r'[^a-z0-9]+', '-', wanted['name'].lower())}-{uuid.uuid4().hex[:10]}"
    site.groups[group_id] = {
        **wanted,
        "id": group_id,
        "link": f"{call.root}/api/groups/{group_id}",
        "created": rfc3339(site.clock()),
        "shared": False,
        "owner": call.token,
    }
    return Reply(201, {"id": group_id, "link": site.groups[group_id]["link"]})


def list_groups(site: Site, call: ApiCall) -> Reply:
    """GET /groups, with the filters `group`, `name`."""
    parent, name = call.query.get("group"), call.query.get("name", "")
    shown = [
        group
        for group in site.groups.values()
        if parent in (None, group.get("parent")) and name in group["name"]
    ]
    return Reply(200, {"list": [_public(group) for group in shown]})


def get_group(site: Site, _: ApiCall, group_id: str) -> Reply:
    """GET /groups/{id}."""
    group = site.groups.get(group_id)
    if group is None:
        return failure(404, "group not found")
    statuses = {site.status(r) for r in site.replays.values() if r.group == group_id}
    worst = next((s for s in ("failed", "pending") if s in statuses), None)
    return Reply(200, {**_public(group), "status": f"{worst}_replays" if worst else "ok"})


def patch_group(site: Site, call: ApiCall, group_id: str) -> Reply:
    """PATCH /groups/{id}."""
    changes = json_of(call)
    if group_id not in site.groups:
        return failure(404, "group not found")
    if changes is None:
        return failure(400, "invalid changes")
    known = ("player_identification", "team_identification", "parent", "shared")
    site.groups[group_id].update({key: changes[key] for key in known if key in changes})
    return Reply(204)


def delete_group(site: Site, _: ApiCall, group_id: str) -> Reply:
    """DELETE /groups/{id}, and its children; replays stay (unknown at the real API)."""
    if group_id not in site.groups:
        return failure(404, "group not found")
    for child in [key for key, group in site.groups.items() if group.get("parent") == group_id]:
        del site.groups[child]
    del site.groups[group_id]
    return Reply(204)


def _public(group: JsonObject) -> JsonObject:
    return {key: value for key, value in group.items() if key != "owner"}
