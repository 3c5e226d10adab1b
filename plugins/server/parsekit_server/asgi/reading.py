"""What a call brings: its token, parameters, JSON, and the address that it used."""

from __future__ import annotations

import json
from collections.abc import Mapping

from starlette.requests import Request

from parsekit import JsonObject
from parsekit.errors import BadRequest
from parsekit_server.api.bodies import Address
from parsekit_server.catalogue.stored_text import is_storable
from parsekit_server.filters import Query

#: No call but an upload brings more.
_JSON_BYTES = 256 * 1024


def token_of(request: Request) -> str:
    """The token as it came: no scheme stands before it."""
    return request.headers.get("Authorization", "")


def names_of(request: Request) -> Mapping[str, str]:
    """What the path names. Raises `BadRequest` for NUL, which no database takes."""
    _check_text(*request.path_params.values())
    return request.path_params


def query_of(request: Request) -> Query:
    """Every parameter with all of its values. Raises `BadRequest` as `names_of`."""
    params = request.query_params
    _check_text(*(value for _, value in params.multi_items()))
    return {name: params.getlist(name) for name in params}


def _check_text(*values: str) -> None:
    if not all(map(is_storable, values)):
        raise BadRequest("the address has the character NUL in it")


def address_of(request: Request, configured: str | None) -> Address:
    """The address under which clients reach us."""
    return Address(configured or f"{request.url.scheme}://{request.url.netloc}")


async def json_object(request: Request) -> JsonObject:
    """The JSON object in the body, empty without a body. Raises `BadRequest`."""
    text = b""
    async for block in request.stream():
        text += block
        if len(text) > _JSON_BYTES:
            raise BadRequest(f"the body is larger than {_JSON_BYTES} bytes")
    if not text.strip():
        return {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise BadRequest("the body is no JSON") from None
    if not isinstance(value, dict):
        raise BadRequest("the body is no JSON object")
    return value
