"""A call of the API and its answer, as the functions of this package see them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from parsekit import JsonObject
from parsekit_server.access import Viewer
from parsekit_server.api.bodies import Address
from parsekit_server.filters import Query
from parsekit_server.site import ReplaySite


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call: who asks, what the address names, and the JSON object that came with it."""

    site: ReplaySite
    viewer: Viewer
    address: Address
    path: str
    names: Mapping[str, str]
    query: Query
    payload: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiReply:
    """The answer: JSON, or a file under a name, or nothing but its status."""

    status: int = 200
    body: JsonObject | None = None
    file: Path | None = None
    filename: str = ""


#: Answers a call. Raises `parsekit.errors.ParsekitError`.
Handler = Callable[[Call], ApiReply]

NOTHING = ApiReply(status=204)
