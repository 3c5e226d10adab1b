"""Which function answers which call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from parsekit_server.api import account, groups, maps, openapi, ratings, replays
from parsekit_server.api.call import Handler

#: Who may call: whoever may read, whoever has a token (also of a group), or anybody.
Callers = Literal["readers", "tokens", "anybody"]


@dataclass(frozen=True, slots=True)
class ApiRoute:
    """A method and a path with names in braces, and what answers there."""

    method: str
    path: str
    handler: Handler
    callers: Callers = "readers"


ROUTES = (
    ApiRoute("GET", "/api/", account.ping, "tokens"),
    ApiRoute("GET", "/api/maps", maps.get_maps),
    ApiRoute("POST", "/api/v1/mmr", ratings.report_ranks),
    ApiRoute("GET", "/api/replays", replays.list_replays),
    ApiRoute("GET", "/api/replays/{id}", replays.get_replay),
    ApiRoute("PATCH", "/api/replays/{id}", replays.patch_replay),
    ApiRoute("DELETE", "/api/replays/{id}", replays.delete_replay),
    ApiRoute("GET", "/api/replays/{id}/file", replays.get_file),
    ApiRoute("GET", "/api/groups", groups.list_groups),
    ApiRoute("POST", "/api/groups", groups.create_group),
    ApiRoute("GET", "/api/groups/{id}", groups.get_group),
    ApiRoute("PATCH", "/api/groups/{id}", groups.patch_group),
    ApiRoute("DELETE", "/api/groups/{id}", groups.delete_group),
    ApiRoute("GET", "/dl/replay/{id}", replays.get_file, "anybody"),
    ApiRoute("POST", "/dl/replay/{id}", replays.get_file, "anybody"),
    ApiRoute("GET", "/openapi.json", openapi.get_document, "anybody"),
)
