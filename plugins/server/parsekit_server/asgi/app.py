"""The application: routes of the API, tokens, errors as JSON.

A call is read here, answered by a function of `parsekit_server.api` in a thread, and written here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from parsekit_server.access import STRANGER, Viewer
from parsekit_server.api.call import Call
from parsekit_server.api.routes import ROUTES, ApiRoute
from parsekit_server.asgi.monitoring import CountedCalls, health_routes
from parsekit_server.asgi.pages import Pages
from parsekit_server.asgi.reading import address_of, json_object, names_of, query_of, token_of
from parsekit_server.asgi.replies import EXCEPTION_HANDLERS, response_of
from parsekit_server.asgi.upload import upload_endpoint
from parsekit_server.site import ReplaySite

Endpoint = Callable[[Request], Awaitable[Response]]


def application(site: ReplaySite) -> ASGIApp:
    """Make the application that answers from this site."""
    routes = [_route(site, route) for route in ROUTES]
    routes.append(Route("/api/v2/upload", upload_endpoint(site), methods=["POST"]))
    routes += [*health_routes(site), *Pages(site).routes()]
    app = Starlette(routes=routes, exception_handlers=EXCEPTION_HANDLERS)
    app.router.redirect_slashes = False
    return CountedCalls(_WithoutSlash(app), site)


def _route(site: ReplaySite, route: ApiRoute) -> Route:
    async def endpoint(request: Request) -> Response:
        # who may not call learns that before a body is read
        viewer = await run_in_threadpool(_viewer, site, route, request)
        payload = await json_object(request) if route.method in {"PATCH", "POST"} else {}

        def answer() -> Response:
            call = Call(
                site=site,
                viewer=viewer,
                address=address_of(request, site.settings.url),
                path=request.url.path,
                names=names_of(request),
                query=query_of(request),
                payload=payload,
            )
            return response_of(route.handler(call))

        return await run_in_threadpool(answer)

    return Route(route.path.rstrip("/"), endpoint, methods=[route.method])


def _viewer(site: ReplaySite, route: ApiRoute, request: Request) -> Viewer:
    if route.callers == "anybody":
        return STRANGER
    viewer = site.viewer(token_of(request))
    if route.callers == "readers":
        viewer.check_reads()
    return viewer


class _WithoutSlash:
    """Answers ``/api/groups/`` as ``/api/groups``, without a redirect, which loses tokens."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope = {**scope, "path": scope["path"].rstrip("/") or "/"}
        await self._app(scope, receive, send)
