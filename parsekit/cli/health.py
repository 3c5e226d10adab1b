"""``parsekit health``: for probes; loads no Celery and asks no server."""

from __future__ import annotations

from typing import Annotated

import typer

from parsekit.api import default_data_dir
from parsekit.worker.heartbeat import folder_of, verdicts

app = typer.Typer(add_completion=False)


@app.command()
def health(
    live: Annotated[bool, typer.Option("--live", help="Should it be left running?")] = False,
    ready: Annotated[bool, typer.Option("--ready", help="Can it do its work now?")] = False,
) -> None:
    """Say whether the workers of this machine are well; exit 0 if so, else 1.

    A broker that is away makes a worker unready, never dead.
    """
    if live == ready:
        raise typer.BadParameter("give one of --live and --ready")
    found = verdicts(folder_of(default_data_dir()), ready=ready)
    for pid, wrong in found:
        typer.echo(f"worker {pid}: {wrong or 'ok'}")
    if not found:
        typer.echo("no worker runs on this machine")
    raise typer.Exit(0 if found and not any(wrong for _, wrong in found) else 1)
