"""``parsekit top``: the service at work, live."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from math import inf
from typing import TYPE_CHECKING, Annotated

import typer

from parsekit.cli.exit import writing_output
from parsekit.cli.options import ConfigFile, ListFormat, ListKind, have_caller_read
from parsekit.errors import ParsekitError, StorageUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from parsekit.worker.monitoring.top import Snapshot

app = typer.Typer(add_completion=False)

_MISPLACED_EVERY_S = 60.0


@app.command()
def top(
    kind: ListKind = ListFormat.TABLE,
    once: Annotated[bool, typer.Option("--once", help="Show one moment and end.")] = False,
    every: Annotated[
        float, typer.Option("--every", min=0.5, max=3600, help="Seconds between two looks.")
    ] = 2.0,
    config: ConfigFile = None,
) -> None:
    """Watch workers, queues, rates, budget, what waits and why, until Ctrl-C.

    Workers say how they are every two seconds. With --format json, or where the output is no
    terminal, one moment is shown. Exit 1 when no worker is heard.
    """
    have_caller_read(config)
    look = _looker()
    if once or kind is ListFormat.JSON or not sys.stdout.isatty():
        snapshot = look()
        _show(snapshot, kind)
        raise typer.Exit(0 if snapshot.workers else 1)
    _watch(look, every)


def _looker() -> Callable[[], Snapshot]:
    """Asks the deployment. Raises `StorageUnavailable` when its Redis does not answer."""
    import redis  # noqa: PLC0415

    from parsekit.client import caller  # noqa: PLC0415  (Celery)
    from parsekit.worker.monitoring.status_channel import StatusChannel  # noqa: PLC0415
    from parsekit.worker.monitoring.top import snapshot_of  # noqa: PLC0415
    from parsekit.worker.process import service  # noqa: PLC0415
    from parsekit.worker.servers import result_store  # noqa: PLC0415

    caller.find()
    board = StatusChannel(service.addresses.backend)
    misplaced = _misplaced()

    def look() -> Snapshot:
        try:
            announcements = board.read()
        except redis.RedisError as exc:
            raise result_store(service.addresses).error(exc) from exc
        return snapshot_of(announcements, misplaced())

    return look


def _misplaced() -> Callable[[], int]:
    """Counts what no worker takes, once a minute: RabbitMQ logs each look for an absent queue."""
    from parsekit.worker.process import service  # noqa: PLC0415
    from parsekit.worker.servers import misplaced_tasks  # noqa: PLC0415

    count, counted_at = 0, -inf

    def look() -> int:
        nonlocal count, counted_at
        if time.monotonic() - counted_at > _MISPLACED_EVERY_S:
            with contextlib.suppress(ParsekitError):  # workers say which server is away
                count = misplaced_tasks(service.addresses)
            counted_at = time.monotonic()
        return count

    return look


def _show(snapshot: Snapshot, kind: ListFormat) -> None:
    from parsekit.cli.top_view import make_console, view  # noqa: PLC0415

    with writing_output():
        if kind is ListFormat.JSON:
            typer.echo(json.dumps(snapshot.to_json(), indent=2))
        else:
            make_console().print(view(snapshot))


def _watch(look: Callable[[], Snapshot], every_s: float) -> None:
    from rich.live import Live  # noqa: PLC0415

    from parsekit.cli.top_view import make_console, trouble, view  # noqa: PLC0415

    with Live(console=make_console(), screen=True, auto_refresh=False) as live:
        while True:
            try:
                live.update(view(look()), refresh=True)
            except StorageUnavailable as error:
                live.update(trouble(error.message), refresh=True)
            time.sleep(every_s)
