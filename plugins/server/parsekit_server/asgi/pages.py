"""Routes of the pages: cookies, forms, errors as pages.

Pages have threads of their own: one that has to wait for a match holds up no call of the API.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TypeVar
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from parsekit.errors import BadRequest, ParsekitError
from parsekit_server.access import STRANGER
from parsekit_server.asgi.guesses import Guesses
from parsekit_server.asgi.reading import address_of, names_of, query_of
from parsekit_server.asgi.replies import STATUSES
from parsekit_server.errors import Forbidden, NotFound
from parsekit_server.pages.call import (
    FORM_COOKIE,
    SESSION_COOKIE,
    PageCall,
    PageHandler,
    PageReply,
    error_page,
)
from parsekit_server.pages.environment import assets
from parsekit_server.pages.replay import replay_page
from parsekit_server.pages.replay_list import list_replays
from parsekit_server.pages.sessions import BrowserSessions
from parsekit_server.pages.sign_in import place_after, sign_in_page, signed_in, signed_out
from parsekit_server.site import ReplaySite
from parsekit_server.tokens import digest

T = TypeVar("T")

_THREADS = 16
_FORM_BYTES = 16 * 1024
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
            address=address_of(request, self._site.settings.url),
            names=names_of(request),
            query=query_of(request),
        )

    async def _sign_in(self, request: Request) -> Response:
        form = await _form(request)
        given = form.get("token", "").strip()
        return await self._guarded(request, lambda: self._begin_session(request, form, given))

    async def _begin_session(self, request: Request, form: dict[str, str], given: str) -> PageReply:
        _check_form(request.cookies.get(FORM_COOKIE, ""), form)
        client = request.client.host if request.client else ""
        with self._guesses.trying(client):
            viewer = await self._in_thread(self._site.accounts.viewer, digest(given))
            if viewer is None:
                await self._guesses.delay()
        call = replace(self._call(request), query={"to": [form.get("to", "")]})
        if viewer is None:
            return sign_in_page(call, wrong="nobody has this token, or it was revoked", status=403)
        viewer.check_reads()
        return signed_in(self._sessions.begin(digest(given)), place_after(call))

    async def _sign_out(self, request: Request) -> Response:
        form = await _form(request)

        async def end() -> PageReply:
            call = await self._in_thread(self._call, request)
            _check_form(call.form_token, form)
            self._sessions.end(request.cookies[SESSION_COOKIE])
            return signed_out()

        return await self._guarded(request, end)

    async def _guarded(
        self, request: Request, answer: Callable[[], Awaitable[PageReply]]
    ) -> Response:
        call = await self._in_thread(self._call, request)
        try:
            reply = await answer()
        except ParsekitError as error:
            reply = error_page(call, error, STATUSES.get(error.code, 500))
        return _response(reply, call)

    async def _in_thread(self, function: Callable[..., T], *arguments: object) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, partial(function, *arguments))


def _check_form(expected: str, form: dict[str, str]) -> None:
    """Raise `Forbidden` for a form that is not of a page that this browser was shown."""
    given = form.get("form_token", "")
    if not expected or not hmac.compare_digest(expected.encode(), given.encode()):
        raise Forbidden("the form is out of date; go back, load its page again and send it again")


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
