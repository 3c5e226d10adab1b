"""``parsekit top``: the service at work, live."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from parsekit.cli.exit import writing_output
from parsekit.cli.options import ConfigFile, ListFormat, ListKind, have_caller_read
from parsekit.errors import StorageUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from parsekit.worker.monitoring.top import Snapshot

app = typer.Typer(add_completion=False, rich_markup_mode=None)


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
    from parsekit.client.status import make_look  # noqa: PLC0415  (reads the configuration)

    look = make_look()
    if once or kind is ListFormat.JSON or not sys.stdout.isatty():
        snapshot = look()
        _show(snapshot, kind)
        raise typer.Exit(0 if snapshot.workers else 1)
    _watch(look, every)


def _show(snapshot: Snapshot, kind: ListFormat) -> None:
    with writing_output():
        if kind is ListFormat.JSON:
            typer.echo(json.dumps(snapshot.to_json(), indent=2))
            return
        from parsekit.cli.top_view import make_console, view  # noqa: PLC0415  (rich)

        make_console().print(view(snapshot))


def _watch(look: Callable[[], Snapshot], every_s: float) -> None:
    from rich.live import Live  # noqa: PLC0415

    from parsekit.cli.top_view import make_console, trouble, view  # noqa: PLC0415

    with Live(console=make_console(), screen=True, auto_refresh=False) as live:
        while True:
            try:
                live.update(view(look(), live.console.height // 3), refresh=True)
            except StorageUnavailable as error:
                live.update(trouble(error.message), refresh=True)
            time.sleep(every_s)
