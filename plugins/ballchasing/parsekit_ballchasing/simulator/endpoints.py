"""Which endpoint answers a call, and the checks that all of them share."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from parsekit import JsonObject
from parsekit_ballchasing.simulator import groups, replays
from parsekit_ballchasing.simulator.exchange import CHAT, ApiCall, Reply, failure
from parsekit_ballchasing.simulator.refusals import refusal
from parsekit_ballchasing.simulator.site import Site
from parsekit_ballchasing.tiers import DAY_S, WEEK_S, Endpoint


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a path; the groups of ``path`` are given to ``answer``."""

    method: str
    path: re.Pattern[str]
    endpoint: Endpoint
    answer: Callable[..., Reply]


def route_of(call: ApiCall) -> tuple[Route, tuple[str, ...]] | None:
    """The route that answers a call, with what its path names."""
    for route in ROUTES:
        match = route.path.fullmatch(call.path)
        if match and route.method == call.method:
            return route, match.groups()
    return None


def answer(site: Site, call: ApiCall, route: Route, names: tuple[str, ...]) -> Reply:
    """Check the token and the limits, then let the route answer."""
    if not call.token:
        return failure(401, "missing API key")
    if site.options.token not in (None, call.token):
        return failure(401, "invalid API key")
    if call.token.startswith("g/") and route.endpoint == "ping":
        return failure(401, "invalid API key")
    limits = site.tier.limits(route.endpoint)
    wait_s = site.account(call.token).calls.admit(route.endpoint, limits, site.clock())
    if wait_s is not None:
        return refusal(site, call.token, wait_s, "too many requests")
    return route.answer(site, call, *names)


def ping(site: Site, call: ApiCall) -> Reply:
    """GET /."""
    account = site.account(call.token)
    body: JsonObject = {
        "ball": True,
        "boost": True,
        "chaser": True,
        "chat": CHAT,
        "name": account.name,
        "steam_id": account.steam_id,
        "type": site.options.tier,
    }
    if site.options.show_quota:
        body["quota"] = _quota(site, call.token)
    return Reply(200, body)


def _quota(site: Site, token: str) -> JsonObject:
    names = {DAY_S: "uploads_in_24h", WEEK_S: "uploads_in_7d"}
    most = {limit.per_s: limit.calls for limit in site.quotas()}
    uploads = site.account(token).uploads
    return {
        name: {"used": uploads.used(per_s, site.clock())}
        | ({"max": most[per_s]} if per_s in most else {"max": 0, "unlimited": True})
        for per_s, name in names.items()
    }


def get_maps(_site: Site, _call: ApiCall) -> Reply:
    """GET /maps."""
    return Reply(200, {"park_night_p": "Beckwith Park (Midnight)", "stadium_p": "DFH Stadium"})


_ID = r"/replays/([^/]+)"
_GROUP = r"/groups/([^/]+)"
ROUTES = (
    Route("GET", re.compile("/"), "ping", ping),
    Route("POST", re.compile("/v2/upload"), "upload", replays.upload),
    Route("GET", re.compile(_ID), "replay", replays.get_replay),
    Route("PATCH", re.compile(_ID), "replay", replays.patch_replay),
    Route("DELETE", re.compile(_ID), "replay", replays.delete_replay),
    Route("GET", re.compile(_ID + "/file"), "file", replays.get_file),
    Route("GET", re.compile("/replays"), "list", replays.list_replays),
    Route("GET", re.compile("/groups"), "list", groups.list_groups),
    Route("POST", re.compile("/groups"), "group", groups.create_group),
    Route("GET", re.compile(_GROUP), "group", groups.get_group),
    Route("PATCH", re.compile(_GROUP), "group", groups.patch_group),
    Route("DELETE", re.compile(_GROUP), "group", groups.delete_group),
    Route("GET", re.compile("/maps"), "maps", get_maps),
)
