"""``GET /openapi.json``: the API as programs read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from parsekit import JsonObject
from parsekit_server.access import PlayerIdentification, Visibility
from parsekit_server.api.call import ApiReply, Call
from parsekit_server.filters import MOST, USUAL
from parsekit_server.ranks import TIER_OF

Schema = Mapping[str, Any]

_TEXT: Schema = {"type": "string"}
_MOMENT: Schema = {"type": "string", "format": "date-time"}
_SHORT: Schema = {"type": "string", "maxLength": 500}
_VISIBILITY: Schema = {"type": "string", "enum": [*Visibility]}
_PLAYERS: Schema = {"type": "string", "enum": [*PlayerIdentification]}
_TEAMS: Schema = {"type": "string", "enum": ["by-distinct-players", "by-player-clusters"]}
_STATUS: Schema = {"type": "string", "enum": ["pending", "ok", "failed"]}
_RANK: Schema = {"type": "string", "enum": [*TIER_OF]}
_ANYTHING: Schema = {"type": "object"}


def _several(of: Schema) -> Schema:
    return {"type": "array", "items": of}


def _object(required: Mapping[str, Schema], **optional: Schema) -> Schema:
    return {
        "type": "object",
        "required": [*required],
        "properties": {**required, **optional},
    }


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _page_of(name: str) -> Schema:
    return _object({"count": {"type": "integer"}, "list": _several(_ref(name))}, next=_TEXT)


_LINKED = {"id": _TEXT, "link": _TEXT}
_OWNED = {**_LINKED, "created": _MOMENT, "uploader": _ref("User"), "visibility": _VISIBILITY}
_GROUP = {
    **_LINKED,
    "name": _TEXT,
    "created": _MOMENT,
    "player_identification": _PLAYERS,
    "team_identification": _TEAMS,
    "shared": {"type": "boolean"},
}
_SCHEMAS: Mapping[str, Schema] = {
    "Error": _object({"error": _TEXT}, code=_TEXT, reason=_TEXT),
    "User": _object({"steam_id": _TEXT, "name": _TEXT}),
    "Account": _object({"name": _TEXT, "steam_id": _TEXT, "type": _TEXT, "quota": _ANYTHING}),
    "Upload": _object({"id": _TEXT, "location": _TEXT}, error=_TEXT),
    "Replay": _object(
        {
            **_OWNED,
            "title": _TEXT,
            "status": {"type": "string", "enum": ["pending", "ok", "failed"]},
        },
        blue=_ANYTHING,
        orange=_ANYTHING,
        groups=_several(_object({**_LINKED, "name": _TEXT})),
        failure=_object({"code": _TEXT, "message": _TEXT}),
    ),
    "ReplayLine": _object(
        {**_OWNED, "replay_title": _TEXT, "blue": _ANYTHING, "orange": _ANYTHING}
    ),
    "Replays": _page_of("ReplayLine"),
    "NewGroup": _object(_LINKED),
    "Group": _object(
        {**_GROUP, "status": _TEXT, "creator": _ref("User")},
        players=_several(_ANYTHING),
        teams=_several(_ANYTHING),
        failed_replays=_several(_TEXT),
        parent=_TEXT,
    ),
    "GroupLine": _object(
        {
            **_GROUP,
            "user": _ref("User"),
            "direct_replays": {"type": "integer"},
            "indirect_replays": {"type": "integer"},
        },
        parent=_TEXT,
    ),
    "Groups": _page_of("GroupLine"),
    "Maps": {"type": "object", "additionalProperties": _TEXT},
    "Document": _object({"openapi": _TEXT, "paths": _ANYTHING}),
}

_OF_PAGES: Mapping[str, Schema] = {
    "count": {"type": "integer", "minimum": 1, "maximum": MOST, "default": USUAL},
    "after": _TEXT,
    "sort-dir": {"type": "string", "enum": ["desc", "asc"]},
    "created-before": _MOMENT,
    "created-after": _MOMENT,
}
_OF_REPLAYS: Mapping[str, Schema] = {
    **dict.fromkeys(
        ("title", "player-name", "player-id", "playlist", "season", "map", "group"), _several(_TEXT)
    ),
    "match-result": _several({"type": "string", "enum": ["win", "loss"]}),
    "min-rank": _RANK,
    "max-rank": _RANK,
    "pro": {"type": "boolean"},
    "uploader": _TEXT,
    "replay-date-before": _MOMENT,
    "replay-date-after": _MOMENT,
    "sort-by": {"type": "string", "enum": ["upload-date", "created", "replay-date"]},
    **_OF_PAGES,
}
_OF_GROUPS: Mapping[str, Schema] = {
    "name": _TEXT,
    "creator": _TEXT,
    "group": _TEXT,
    "sort-by": {"type": "string", "enum": ["created", "name"]},
    **_OF_PAGES,
}
_GROUP_CHANGES: Mapping[str, Schema] = {
    "player_identification": _PLAYERS,
    "team_identification": _TEAMS,
    "parent": _SHORT,
}
_JSON, _BYTES = "application/json", "application/octet-stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiOperation:
    """What a call takes and answers; ``answers`` are schemas by status, None without a body."""

    summary: str
    answers: Mapping[int, str | None]
    query: Mapping[str, Schema] | None = None
    body: Schema | None = None
    body_type: str = _JSON
    needs_token: bool = True

    def to_json(self, path: str) -> JsonObject:
        """As the document has it."""
        shown: JsonObject = {
            "summary": self.summary,
            "parameters": [*_names(path), *_parameters(self.query or {})],
            "responses": {
                **{str(status): _answer(name) for status, name in self.answers.items()},
                "default": _answer("Error"),
            },
        }
        if self.body is not None:
            content = {self.body_type: {"schema": self.body}}
            shown["requestBody"] = {"required": True, "content": content}
        return shown if self.needs_token else {**shown, "security": []}


_FILE = ApiOperation(summary="The uploaded bytes", answers={200: _BYTES})
#: Every operation by method and path.
OPERATIONS: Mapping[tuple[str, str], ApiOperation] = {
    ("GET", "/api/"): ApiOperation(summary="Whose token this is", answers={200: "Account"}),
    ("POST", "/api/v2/upload"): ApiOperation(
        summary="Upload a replay; 409 names the one that is there",
        query={"visibility": _VISIBILITY, "group": _TEXT},
        body=_object({"file": {"type": "string", "format": "binary"}}),
        body_type="multipart/form-data",
        answers={201: "Upload", 409: "Upload"},
    ),
    ("GET", "/api/replays"): ApiOperation(
        summary="A page of replays", query=_OF_REPLAYS, answers={200: "Replays"}
    ),
    ("GET", "/api/replays/{id}"): ApiOperation(summary="A replay", answers={200: "Replay"}),
    ("PATCH", "/api/replays/{id}"): ApiOperation(
        summary="Change a replay",
        body=_object({}, title=_SHORT, visibility=_VISIBILITY, group=_SHORT),
        answers={204: None},
    ),
    ("DELETE", "/api/replays/{id}"): ApiOperation(
        summary="Delete a replay, its file and its result", answers={204: None}
    ),
    ("GET", "/api/replays/{id}/file"): _FILE,
    ("GET", "/api/groups"): ApiOperation(
        summary="A page of groups", query=_OF_GROUPS, answers={200: "Groups"}
    ),
    ("POST", "/api/groups"): ApiOperation(
        summary="Make a group",
        body=_object({"name": {**_SHORT, "minLength": 1}}, **_GROUP_CHANGES),
        answers={201: "NewGroup"},
    ),
    ("GET", "/api/groups/{id}"): ApiOperation(
        summary="A group with the sums of all replays below it", answers={200: "Group"}
    ),
    ("PATCH", "/api/groups/{id}"): ApiOperation(
        summary="Change a group",
        body=_object({}, name=_SHORT, shared={"type": "boolean"}, **_GROUP_CHANGES),
        answers={204: None},
    ),
    ("DELETE", "/api/groups/{id}"): ApiOperation(
        summary="Delete a group and those below it; replays stay", answers={204: None}
    ),
    ("GET", "/api/maps"): ApiOperation(summary="Maps that were played on", answers={200: "Maps"}),
    ("POST", "/api/v1/mmr"): ApiOperation(
        summary="Report the ranks of a match",
        body=_object({"game": _TEXT, "players": _several(_ANYTHING)}),
        answers={204: None},
    ),
    ("GET", "/dl/replay/{id}"): ApiOperation(
        summary=_FILE.summary, answers=_FILE.answers, needs_token=False
    ),
    ("POST", "/dl/replay/{id}"): ApiOperation(
        summary=_FILE.summary, answers=_FILE.answers, needs_token=False
    ),
    ("GET", "/openapi.json"): ApiOperation(
        summary="This document", answers={200: "Document"}, needs_token=False
    ),
}


def get_document(call: Call) -> ApiReply:
    """Answer the document, with the address that the caller used."""
    paths: dict[str, JsonObject] = {}
    for (method, path), operation in OPERATIONS.items():
        paths.setdefault(path, {})[method.lower()] = operation.to_json(path)
    return ApiReply(
        body={
            "openapi": "3.1.0",
            "info": {
                "title": "parsekit serve",
                "version": version("parsekit-server"),
                "description": "Speaks Ballchasing's API; not affiliated with Ballchasing.",
            },
            "servers": [{"url": call.address.root}],
            "security": [{"token": []}],
            "paths": paths,
            "components": {
                "schemas": _SCHEMAS,
                "securitySchemes": {
                    "token": {"type": "apiKey", "in": "header", "name": "Authorization"}
                },
            },
        }
    )


def _names(path: str) -> list[JsonObject]:
    if "{id}" not in path:
        return []
    return [{"name": "id", "in": "path", "required": True, "schema": _TEXT}]


def _parameters(query: Mapping[str, Schema]) -> list[JsonObject]:
    return [{"name": name, "in": "query", "schema": schema} for name, schema in query.items()]


def _answer(name: str | None) -> JsonObject:
    if name is None:
        return {"description": "done"}
    if name == _BYTES:
        return {"description": "the file", "content": {_BYTES: {}}}
    return {"description": name, "content": {_JSON: {"schema": _ref(name)}}}
