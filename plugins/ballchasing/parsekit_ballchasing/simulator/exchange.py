"""One call and one answer of the sandbox, free of sockets."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field

from parsekit import JsonObject

CHAT = {"YOU": "Whoops", "Buzz": "gg."}


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiCall:
    """One call; ``path`` without the root, ``query`` with the last value of each name."""

    method: str
    path: str
    query: dict[str, str]
    token: str
    root: str
    content_type: str = ""
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer; ``body`` None is an empty one, bytes go out as they are."""

    status: int
    body: JsonObject | list[object] | bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)


def failure(status: int, error: str, headers: dict[str, str] | None = None) -> Reply:
    """An error as the API words it."""
    body = {"chat": CHAT, "error": error, "request_id": uuid.uuid4().hex, "server": "sandbox"}
    return Reply(status, body, headers or {})


def json_of(call: ApiCall) -> JsonObject | None:
    """The JSON object that a call brings, None when it brings something else."""
    try:
        body = json.loads(call.body)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None
