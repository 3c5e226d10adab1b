"""Routes of the pages: cookies, forms, errors as pages.

Pages have threads of their own: one that has to wait for a match holds up no call of the API.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TypeVar
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from parsekit.errors import BadRequest, ParsekitError
from parsekit_server.access import STRANGER
from parsekit_server.asgi.guesses import Guesses
from parsekit_server.asgi.multipart import SPARE_BYTES, PartStart, parts_of
from parsekit_server.asgi.reading import address_of, names_of, query_of
from parsekit_server.asgi.replies import STATUSES
from parsekit_server.errors import NotFound
from parsekit_server.pages.call import (
    FORM_COOKIE,
    SESSION_COOKIE,
    FormHandler,
    PageCall,
    PageHandler,
    PageReply,
    check_form_token,
    error_page,
)
from parsekit_server.pages.environment import assets
from parsekit_server.pages.group import group_page
from parsekit_server.pages.operator import operator_page
from parsekit_server.pages.player import player_page
from parsekit_server.pages.replay import replay_file, replay_page, replay_status
from parsekit_server.pages.replay_list import list_replays
from parsekit_server.pages.sessions import BrowserSessions
from parsekit_server.pages.sign_in import place_after, sign_in_page, signed_in, signed_out
from parsekit_server.pages.tokens import add_token, revoke_token, tokens_page
from parsekit_server.pages.upload import (
    MOST_FILES,
    UploadForm,
    upload_page,
    uploaded_page,
)
from parsekit_server.site import ReplaySite
from parsekit_server.tokens import digest

T = TypeVar("T")

_THREADS = 16
_FORM_BYTES = 16 * 1024
#: What a part of a form has beside its file, the name of which may be long.
_PART_BYTES = 1024
_ASSET_SECONDS = 365 * 24 * 3600


class Pages:
    """Answers to browsers."""

    def __init__(self, site: ReplaySite) -> None:
        self._site = site
        self._sessions = BrowserSessions()
        self._guesses = Guesses()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="page")

    def routes(self) -> list[Route]:
        """Every page."""
        return [
            Route("/", self._shown(list_replays)),
            Route("/replay/{id}", self._shown(replay_page)),
            Route("/replay/{id}/status", self._shown(replay_status)),
            Route("/replay/{id}/file", self._shown(replay_file)),
            Route("/group/{id}", self._shown(group_page)),
            Route("/player/{account}", self._shown(player_page)),
            Route("/upload", self._shown(upload_page)),
            Route("/upload", self._upload, methods=["POST"]),
            Route("/tokens", self._shown(tokens_page)),
            Route("/tokens", self._sent(add_token), methods=["POST"]),
            Route("/tokens/revoke", self._sent(revoke_token), methods=["POST"]),
            Route("/operator", self._shown(operator_page)),
            Route("/sign-in", self._shown(sign_in_page)),
            Route("/sign-in", self._sign_in, methods=["POST"]),
            Route("/sign-out", self._sign_out, methods=["POST"]),
            Route("/assets/{name}", _asset),
        ]

    def _shown(self, handler: PageHandler) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            return await self._in_thread(self._answer, request, handler)

        return endpoint

    def _answer(self, request: Request, handler: PageHandler) -> Response:
        call = self._call(request)
        try:
            reply = handler(call)
        except ParsekitError as error:
            reply = error_page(call, error, STATUSES.get(error.code, 500))
        return _response(reply, call)

    def _call(self, request: Request) -> PageCall:
        """Who asks, by the cookie; a session ends with its token."""
        session = self._sessions.find(request.cookies.get(SESSION_COOKIE, ""))
        viewer = None if session is None else self._site.accounts.viewer(session.token_digest)
        return PageCall(
            site=self._site,
            viewer=viewer or STRANGER,
            form_token=session.form_token if session is not None and viewer is not None else "",
            scripted=request.headers.get("Accept") == "application/json",
            address=address_of(request, self._site.settings.url),
            path=request.url.path,
            names=names_of(request),
            query=query_of(request),
        )

    async def _sign_in(self, request: Request) -> Response:
        form = await _form(request)
        return await self._guarded(request, partial(self._begin_session, request, form))

    async def _begin_session(
        self, request: Request, form: dict[str, str], call: PageCall
    ) -> PageReply:
        check_form_token(request.cookies.get(FORM_COOKIE, ""), form.get("form_token", ""))
        token_digest = digest(form.get("token", "").strip())
        client = request.client.host if request.client else ""
        with self._guesses.trying(client):
            viewer = await self._in_thread(self._site.accounts.viewer, token_digest)
            if viewer is None:
                await self._guesses.delay()
        call = replace(call, query={"to": [form.get("to", "")]})
        if viewer is None:
            return sign_in_page(call, wrong="nobody has this token, or it was revoked", status=403)
        viewer.check_reads()
        return signed_in(self._sessions.begin(token_digest), place_after(call))

    def _sent(self, handler: FormHandler) -> Callable[[Request], Awaitable[Response]]:
        """What a form of somebody who is signed in is for."""

        async def endpoint(request: Request) -> Response:
            form = await _form(request)

            async def answer(call: PageCall) -> PageReply:
                call.check_signed_in()
                call.check_form(form.get("form_token", ""))
                return await self._in_thread(handler, call, form)

            return await self._guarded(request, answer)

        return endpoint

    async def _sign_out(self, request: Request) -> Response:
        form = await _form(request)

        async def end(call: PageCall) -> PageReply:
            call.check_form(form.get("form_token", ""))
            self._sessions.end(request.cookies[SESSION_COOKIE])
            return signed_out()

        return await self._guarded(request, end)

    async def _upload(self, request: Request) -> Response:
        async def receive(call: PageCall) -> PageReply:
            form = await self._in_thread(UploadForm, call)
            most_bytes = MOST_FILES * (self._site.max_bytes + SPARE_BYTES)
            try:
                async for piece in parts_of(
                    request, max_bytes=most_bytes, spare_bytes=MOST_FILES * _PART_BYTES
                ):
                    if isinstance(piece, PartStart):
                        await self._in_thread(form.start, piece.name, piece.filename)
                    else:
                        await self._in_thread(form.add, piece)
                await self._in_thread(form.end_file)
            finally:
                await self._in_thread(form.close)
            return await self._in_thread(uploaded_page, call, form.files)

        return await self._guarded(request, receive)

    async def _guarded(
        self, request: Request, answer: Callable[[PageCall], Awaitable[PageReply]]
    ) -> Response:
        call = await self._in_thread(self._call, request)
        try:
            reply = await answer(call)
        except ParsekitError as error:
            reply = error_page(call, error, STATUSES.get(error.code, 500))
        return _response(reply, call)

    async def _in_thread(self, function: Callable[..., T], *arguments: object) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, partial(function, *arguments))


async def _form(request: Request) -> dict[str, str]:
    text = b""
    async for block in request.stream():
        text += block
        if len(text) > _FORM_BYTES:
            raise BadRequest(f"the form is larger than {_FORM_BYTES} bytes")
    try:
        fields = parse_qs(text.decode(), keep_blank_values=True, max_num_fields=32)
    except ValueError:
        raise BadRequest("the body is no form") from None
    return {name: values[-1] for name, values in fields.items()}


def _response(reply: PageReply, call: PageCall) -> Response:
    response: Response
    if reply.location is not None:
        response = RedirectResponse(reply.location, 303)
    elif reply.file is not None:
        response = FileResponse(
            reply.file, media_type="application/octet-stream", filename=reply.file.name
        )
    elif reply.json is not None:
        response = JSONResponse(reply.json, reply.status)
    else:
        response = HTMLResponse(reply.html, reply.status)
    response.headers.update(
        {
            "Cache-Control": "no-store",
            "Content-Security-Policy": reply.policy or "default-src 'none'",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Referrer-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
            **reply.headers,
        }
    )
    secure = call.address.root.startswith("https:")
    for name, value in reply.cookies.items():
        if value:
            response.set_cookie(name, value, httponly=True, samesite="lax", secure=secure)
        else:
            response.delete_cookie(name, httponly=True, samesite="lax", secure=secure)
    return response


async def _asset(request: Request) -> Response:
    asset = assets().get(request.path_params["name"])
    if asset is None:
        raise NotFound("there is no such file")
    return Response(
        asset.content,
        media_type=asset.media_type,
        headers={
            "Cache-Control": f"public, max-age={_ASSET_SECONDS}, immutable",
            "X-Content-Type-Options": "nosniff",
        },
    )
