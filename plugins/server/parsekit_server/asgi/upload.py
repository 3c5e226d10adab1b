"""``POST /v2/upload``: the body goes to the disk as it arrives, and is accepted when whole."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from parsekit.errors import InvalidReplay
from parsekit_server.access import Visibility
from parsekit_server.api.bodies import Address
from parsekit_server.api.fields import one_of
from parsekit_server.asgi.multipart import SPARE_BYTES, PartStart, parts_of
from parsekit_server.asgi.reading import address_of, query_of, token_of
from parsekit_server.filters import Query
from parsekit_server.replay_files import Draft
from parsekit_server.site import ReplaySite
from parsekit_server.uploads import Receipt, Upload, name_of

#: Clients exist that send the second.
_VISIBILITY = ("visibility", "vibilitity")


def upload_endpoint(site: ReplaySite) -> Callable[[Request], Awaitable[Response]]:
    """Make the endpoint."""

    async def upload(request: Request) -> Response:
        viewer = await run_in_threadpool(site.viewer, token_of(request))
        viewer.check_uploads()
        draft = await run_in_threadpool(site.files.receive, str(uuid.uuid4()))
        with draft:
            name = await _receive(request, draft, site.max_bytes)
            wanted = _upload_of(name, query_of(request))
            receipt = await run_in_threadpool(site.accept, draft, wanted, viewer)
        return _response(receipt, address_of(request, site.settings.url))

    return upload


async def _receive(request: Request, draft: Draft, max_bytes: int) -> str:
    """Write the first part named file into the draft; answer the file's name."""
    filename, inside = None, False
    async for piece in parts_of(request, max_bytes=max_bytes + SPARE_BYTES):
        if isinstance(piece, PartStart):
            inside = piece.name == "file" and filename is None
            filename = piece.filename if inside else filename
        elif inside:
            await run_in_threadpool(draft.write, piece)
    if filename is None:
        raise InvalidReplay("the body has no part named file")
    return filename


def _upload_of(filename: str, query: Query) -> Upload:
    given = (value for name in _VISIBILITY for value in query.get(name, ()) if value)
    groups = [group for group in query.get("group", ()) if group]
    return Upload(
        name=name_of(filename),
        visibility=one_of(Visibility, "visibility", next(given, None)) or Visibility.PUBLIC,
        group_id=groups[-1] if groups else None,
    )


def _response(receipt: Receipt, address: Address) -> Response:
    body = {"id": receipt.replay_id, "location": address.replay_page(receipt.replay_id)}
    if receipt.verdict == "duplicate":
        return JSONResponse({"error": "duplicate replay", **body}, 409)
    return JSONResponse(body, 201)
