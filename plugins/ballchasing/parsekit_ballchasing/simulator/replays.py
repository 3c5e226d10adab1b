"""The endpoints of replays: upload, look, list, change, delete, download."""

from __future__ import annotations

from parsekit import JsonObject
from parsekit_ballchasing.simulator.exchange import CHAT, ApiCall, Reply, failure, json_of
from parsekit_ballchasing.simulator.multipart import file_part
from parsekit_ballchasing.simulator.pages import page
from parsekit_ballchasing.simulator.refusals import refusal
from parsekit_ballchasing.simulator.site import SMALLEST_REPLAY_BYTES, Site, SiteReplay, rfc3339

VISIBILITIES = ("public", "unlisted", "private")


def upload(site: Site, call: ApiCall) -> Reply:
    """POST /v2/upload."""
    part = file_part(call.content_type, call.body)
    if part is None or not part.name.endswith(".replay"):
        return failure(400, '"file" not a .replay file')
    if len(part.content) < SMALLEST_REPLAY_BYTES:
        return failure(400, '"file" is not a replay: too short')
    visibility = call.query.get("visibility", "public")
    if visibility not in VISIBILITIES:
        return failure(400, f"unknown visibility {visibility!r}")
    if (known := site.find_content(part.sha256)) is not None:
        return Reply(409, {"chat": CHAT, "error": "duplicate replay", **_place(known, call)})
    # Unknown at the real API: whether a used-up quota is a 429 at all.
    wait_s = site.account(call.token).uploads.free_in_s(site.quotas(), site.clock())
    if wait_s is not None:
        return refusal(site, call.token, wait_s, "upload quota exceeded")
    added = site.add(call.token, part.content, visibility=visibility, group=call.query.get("group"))
    return Reply(201, _place(added, call))


def _place(replay: SiteReplay, call: ApiCall) -> JsonObject:
    return {"id": replay.id, "location": f"{call.root}/replay/{replay.id}"}


def get_replay(site: Site, call: ApiCall, replay_id: str) -> Reply:
    """GET /replays/{id}."""
    replay = _visible(site, call, replay_id)
    if replay is None:
        return failure(404, "replay not found")
    status = site.status(replay)
    account = site.account(replay.owner)
    about: JsonObject = {
        "id": replay.id,
        "link": f"{call.root}/api/replays/{replay.id}",
        "created": rfc3339(replay.created_unix),
        "uploader": {
            "steam_id": account.steam_id,
            "name": account.name,
            "profile_url": "https://sandbox.invalid/profile",
            "avatar": "https://sandbox.invalid/avatar.png",
        },
        "status": status,
        "title": replay.title,
        "visibility": replay.visibility,
    }
    if replay.group is not None:
        about["groups"] = [{"id": replay.group, "name": replay.group, "link": ""}]
    body = replay.body if status == "ok" else None
    return Reply(200, {**(body or {}), **about})


def _visible(site: Site, call: ApiCall, replay_id: str) -> SiteReplay | None:
    """Another's private replay does not exist for the caller (403 or 404 is unknown)."""
    replay = site.replays.get(replay_id)
    if replay is None or (replay.visibility == "private" and replay.owner != call.token):
        return None
    return replay


def _own(site: Site, call: ApiCall, replay_id: str) -> SiteReplay | None:
    replay = site.replays.get(replay_id)
    return replay if replay is not None and replay.owner == call.token else None


def get_file(site: Site, call: ApiCall, replay_id: str) -> Reply:
    """GET /replays/{id}/file."""
    replay = _visible(site, call, replay_id)
    if replay is None:
        return failure(404, "replay not found")
    name = f'attachment; filename="{replay.id}.replay"'
    return Reply(200, replay.content, {"Content-Disposition": name})


def patch_replay(site: Site, call: ApiCall, replay_id: str) -> Reply:
    """PATCH /replays/{id}."""
    replay, changes = _own(site, call, replay_id), json_of(call)
    if replay is None:
        return failure(404, "replay not found")
    if changes is None or changes.get("visibility", "public") not in VISIBILITIES:
        return failure(400, "invalid changes")
    replay.title = changes.get("title", replay.title)
    replay.visibility = changes.get("visibility", replay.visibility)
    replay.group = changes.get("group", replay.group) or None
    return Reply(204)


def delete_replay(site: Site, call: ApiCall, replay_id: str) -> Reply:
    """DELETE /replays/{id}."""
    if _own(site, call, replay_id) is None:
        return failure(404, "replay not found")
    del site.replays[replay_id]
    return Reply(204)


def list_replays(site: Site, call: ApiCall) -> Reply:
    """GET /replays, with the filters `group`, `title`, `uploader`."""
    shown = [replay for replay in site.replays.values() if _is_listed(site, call, replay)]
    shown.sort(key=lambda replay: (replay.created_unix, replay.id), reverse=True)
    items = [(replay.created_unix, replay.id, _item(site, replay, call)) for replay in shown]
    return page(items, call)


def _is_listed(site: Site, call: ApiCall, replay: SiteReplay) -> bool:
    mine = replay.owner == call.token
    uploader = call.query.get("uploader")
    if uploader is not None and not (
        (mine and uploader == "me") or site.account(replay.owner).steam_id == uploader
    ):
        return False
    if call.query.get("group") not in (None, "", replay.group):
        return False
    return call.query.get("title", "") in replay.title and (mine or replay.visibility == "public")


def _item(site: Site, replay: SiteReplay, call: ApiCall) -> JsonObject:
    """An item of a list differs from the body of the same replay, as in the real API."""
    return {
        "id": replay.id,
        "link": f"{call.root}/api/replays/{replay.id}",
        "created": rfc3339(replay.created_unix),
        "uploader": {"steam_id": site.account(replay.owner).steam_id},
        "replay_title": replay.title,
        "visibility": replay.visibility,
        "date_has_tz": True,
        "blue": {},
        "orange": {},
    }
