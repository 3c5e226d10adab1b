"""``parsekit worker``: run the service on this machine."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from parsekit.cli.options import have_service_read

app = typer.Typer(add_completion=False)


class Pool(StrEnum):
    """What ``--pool`` takes."""

    THREADS = "threads"
    PREFORK = "prefork"


@app.command()
def worker(
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Read this configuration.")
    ] = None,
    embedded: Annotated[
        bool, typer.Option(help="Bring a broker and result store of its own; needs nothing else.")
    ] = False,
    concurrency: Annotated[
        int | None, typer.Option("--concurrency", "-c", min=1, help="Tasks at once.")
    ] = None,
    pool: Annotated[Pool | None, typer.Option(help="Celery's pool.")] = None,
    queues: Annotated[
        str | None,
        typer.Option(
            "--queues", "-Q", help="Comma-separated queues; default all. What waited comes along."
        ),
    ] = None,
    http: Annotated[
        str | None, typer.Option(help="[HOST:]PORT for /healthz, /readyz and /metrics.")
    ] = None,
    task_events: Annotated[
        bool, typer.Option("--task-events", "-E", help="Tell each step of a task to Flower.")
    ] = False,
    log_level: Annotated[
        str | None, typer.Option(help="debug, info, warning or error; default logs.level.")
    ] = None,
) -> None:
    """Run a worker: take parseReplay tasks, parse, store, answer.

    Without a broker in the configuration it brings its own, as with --embedded.
    """
    have_service_read(config)
    from parsekit.worker.command import WorkerOptions, run_worker  # noqa: PLC0415  (Celery)

    options = WorkerOptions(
        embedded=embedded,
        concurrency=concurrency,
        pool=pool,
        queues=queues,
        http=http,
        task_events=task_events,
        log_level=log_level,
    )
    raise typer.Exit(run_worker(options))
