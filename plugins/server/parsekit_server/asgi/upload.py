"""``POST /v2/upload``: the body goes to the disk as it arrives, and is accepted when whole."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import PurePosixPath, PureWindowsPath

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from parsekit.errors import BadRequest, InvalidReplay, ReplayTooLarge
from parsekit_server.access import Visibility
from parsekit_server.api.bodies import Address
from parsekit_server.api.fields import one_of
from parsekit_server.asgi.multipart import SPARE_BYTES, ReceivedPart
from parsekit_server.asgi.reading import address_of, query_of, token_of
from parsekit_server.filters import Query
from parsekit_server.replay_files import Draft
from parsekit_server.site import ReplaySite
from parsekit_server.uploads import Receipt, Upload

#: Bytes that are gathered before a thread writes them.
_BLOCK_BYTES = 1024 * 1024
#: Longest pause of a client in the middle of its body, seconds.
_PAUSE_S = 30.0
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
    """Write the file of the body into the draft; answer the file's name."""
    waiting = bytearray()
    part = ReceivedPart(request.headers.get("Content-Type", ""), waiting.extend)
    total_bytes = 0
    async for block in _blocks(request):
        total_bytes += len(block)
        if total_bytes > max_bytes + SPARE_BYTES:
            raise ReplayTooLarge(f"the body is larger than a replay of {max_bytes} bytes can be")
        part.feed(block)
        if len(waiting) >= _BLOCK_BYTES:
            await run_in_threadpool(draft.write, bytes(waiting))
            waiting.clear()
    await run_in_threadpool(draft.write, bytes(waiting))
    if part.filename is None:
        raise InvalidReplay("the body has no part named file")
    return part.filename


async def _blocks(request: Request) -> AsyncIterator[bytes]:
    stream = aiter(request.stream())
    while True:
        try:
            async with asyncio.timeout(_PAUSE_S):
                block = await anext(stream)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise BadRequest(f"nothing of the body came for {_PAUSE_S:.0f} s") from None
        yield block


def _upload_of(filename: str, query: Query) -> Upload:
    given = (value for name in _VISIBILITY for value in query.get(name, ()) if value)
    groups = [group for group in query.get("group", ()) if group]
    name = PurePosixPath(PureWindowsPath(filename).name).name
    return Upload(
        name="".join(filter(str.isprintable, name.removesuffix(".replay")))[:200],
        visibility=one_of(Visibility, "visibility", next(given, None)) or Visibility.PUBLIC,
        group_id=groups[-1] if groups else None,
    )


def _response(receipt: Receipt, address: Address) -> Response:
    body = {"id": receipt.replay_id, "location": address.replay_page(receipt.replay_id)}
    if receipt.verdict == "duplicate":
        return JSONResponse({"error": "duplicate replay", **body}, 409)
    return JSONResponse(body, 201)
