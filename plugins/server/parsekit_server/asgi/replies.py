"""Answers and errors as HTTP."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response

from parsekit import JsonObject
from parsekit.errors import ParsekitError
from parsekit_server.api.call import ApiReply

log = logging.getLogger("parsekit.server")

#: Status by the error's code; any other is the server's own fault.
STATUSES = {
    "bad_request": 400,
    "invalid_replay": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "not_found": 404,
    "replay_not_found": 404,
    "replay_too_large": 413,
    "busy": 503,
    "disk_full": 503,
    "storage_unavailable": 503,
}
#: What ballchasing.com says of a file that is no replay; clients look for it.
_NO_REPLAY = '"file" not a .replay file'
_RETRY_AFTER_S = 5
#: What may be private tomorrow stays in no cache, and no browser guesses that it is a page.
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def response_of(reply: ApiReply) -> Response:
    """Write an answer."""
    if reply.file is not None:
        return FileResponse(
            reply.file,
            media_type="application/octet-stream",
            filename=reply.filename,
            headers=_HEADERS,
        )
    if reply.body is None:
        return Response(status_code=reply.status)
    return JSONResponse(reply.body, reply.status, _HEADERS)


def _error(_request: Request, error: Exception) -> Response:
    if not isinstance(error, ParsekitError):
        raise error
    status = STATUSES.get(error.code, 500)
    body: JsonObject = {"error": error.message, "code": error.code}
    if error.code == "invalid_replay":
        body |= {"error": _NO_REPLAY, "reason": error.message}
    headers = {"Retry-After": str(_RETRY_AFTER_S)} if error.retryable else {}
    return JSONResponse(body, status, headers)


def _http_error(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return JSONResponse({"error": error.detail.lower()}, error.status_code, error.headers)


def _failed(request: Request, _error: Exception) -> Response:
    log.error("%s %s failed", request.method, request.url.path)
    return JSONResponse({"error": "the server failed; its log says why"}, 500)


def _gone(_request: Request, _error: Exception) -> Response:
    return Response(status_code=400)


_ExceptionHandler = Callable[[Request, Exception], Response | Awaitable[Response]]

EXCEPTION_HANDLERS: Mapping[Any, _ExceptionHandler] = {
    ParsekitError: _error,
    HTTPException: _http_error,
    ClientDisconnect: _gone,
    Exception: _failed,
}
