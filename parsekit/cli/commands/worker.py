"""``parsekit worker``: run the service on this machine."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from parsekit.cli.options import ConfigFile, have_service_read

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class PoolKind(StrEnum):
    """What ``--pool`` takes."""

    THREADS = "threads"
    PREFORK = "prefork"


@app.command()
def worker(
    config: ConfigFile = None,
    embedded: Annotated[
        bool, typer.Option(help="Bring a broker and result store of its own; needs nothing else.")
    ] = False,
    concurrency: Annotated[
        int | None, typer.Option(min=1, help="Tasks at once; default from the parser.")
    ] = None,
    pool: Annotated[PoolKind | None, typer.Option(help="Celery's pool.")] = None,
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
    if config is not None and config.name.isdecimal() and not config.exists():
        raise typer.BadParameter(f"-c names a file; for {config} tasks at once --concurrency")
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
