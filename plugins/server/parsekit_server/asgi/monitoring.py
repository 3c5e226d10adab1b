"""``/healthz``, ``/readyz`` and ``/metrics``, and the count of calls."""

from __future__ import annotations

import time
from collections.abc import Iterator
from importlib.metadata import version

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from parsekit import Metric, MetricFamily
from parsekit.errors import ParsekitError
from parsekit_server import metrics
from parsekit_server.moments import now_us
from parsekit_server.site import ReplaySite

_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUILD_INFO = MetricFamily(
    name="parsekit_build_info", help="Always 1; the label is the version.", labels=("version",)
)


def health_routes(site: ReplaySite) -> list[Route]:
    """``/healthz``: the server answers. ``/readyz``: it can answer from its catalogue as well."""

    async def live(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def ready(_: Request) -> Response:
        try:
            await run_in_threadpool(site.replays.check)
        except ParsekitError as error:
            return PlainTextResponse(f"{error.message}\n", 503)
        return PlainTextResponse("ok, read-only\n" if site.space.is_full() else "ok\n")

    return [Route("/healthz", live), Route("/readyz", ready)]


def monitoring_application(site: ReplaySite) -> ASGIApp:
    """What stands at the port of ``--http``, for operators alone."""

    async def numbers(_: Request) -> Response:
        text = await run_in_threadpool(lambda: metrics.text_of(_numbers(site)))
        return PlainTextResponse(text, media_type=_METRICS_TYPE)

    return Starlette(routes=[*health_routes(site), Route("/metrics", numbers)])


def _numbers(site: ReplaySite) -> Iterator[Metric]:
    yield from site.tally.metrics()
    yield metrics.RUNNING.metric(site.queue.running)
    yield metrics.SLOTS.metric(site.queue.slots)
    yield metrics.DISK_FREE.metric(site.space.free_bytes())
    yield metrics.READ_ONLY.metric(site.space.is_full())
    yield _BUILD_INFO.metric(1, version=version("parsekit-server"))
    try:
        counts = site.replays.counts()
    except ParsekitError:
        yield metrics.CATALOGUE_UP.metric(0)
        return
    yield metrics.CATALOGUE_UP.metric(1)
    for status, count in counts.items():
        yield metrics.REPLAYS.metric(count.replays, status=status)
    oldest_us = counts["pending"].first_us if "pending" in counts else now_us()
    yield metrics.OLDEST.metric((now_us() - oldest_us) / 1e6)


class CountedCalls:
    """Counts the calls of an application, and the seconds until each answer began."""

    def __init__(self, app: ASGIApp, site: ReplaySite) -> None:
        self._app = app
        self._tally = site.tally

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one."""
        began = time.monotonic()

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                status = f"{message['status'] // 100}xx"
                self._tally.add(metrics.CALLS, status=status)
                self._tally.add(metrics.CALL_SECONDS, time.monotonic() - began, status=status)
            await send(message)

        await self._app(scope, receive, counted)
