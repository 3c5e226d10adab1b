"""``parsekit worker``: run the service on this machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False)


@app.command()
def worker(
    config: Annotated[
        Path | None, typer.Option(help="Configuration file; default $PARSEKIT_CONFIG.")
    ] = None,
    embedded: Annotated[
        bool, typer.Option(help="Bring a broker and result store of its own; needs nothing else.")
    ] = False,
    concurrency: Annotated[
        int | None, typer.Option("--concurrency", "-c", min=1, help="Tasks at once.")
    ] = None,
    pool: Annotated[str | None, typer.Option(help="Celery pool: threads or prefork.")] = None,
    queues: Annotated[
        str | None, typer.Option("--queues", "-Q", help="Comma-separated queues; default all.")
    ] = None,
    http: Annotated[
        str | None, typer.Option(help="[HOST:]PORT for /healthz, /readyz and /metrics.")
    ] = None,
    log_level: Annotated[
        str | None, typer.Option(help="debug, info, warning or error; default logs.level.")
    ] = None,
) -> None:
    """Run a worker: take parseReplay tasks, parse, store, answer.

    Without a broker in the configuration it brings its own, as with --embedded.
    """
    if config is not None:
        os.environ["PARSEKIT_CONFIG"] = str(config)
    from parsekit.worker.command import WorkerOptions, run_worker  # noqa: PLC0415  (Celery)

    options = WorkerOptions(
        embedded=embedded,
        concurrency=concurrency,
        pool=pool,
        queues=queues,
        http=http,
        log_level=log_level,
    )
    raise typer.Exit(run_worker(options))
