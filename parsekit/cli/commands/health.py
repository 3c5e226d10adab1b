"""``parsekit health``: for probes; loads no Celery and asks no server."""

from __future__ import annotations

from typing import Annotated

import typer

from parsekit.config.data_folder import default_data_dir
from parsekit.worker.monitoring.health import folder_of, verdicts

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def health(
    live: Annotated[bool, typer.Option("--live", help="Should it be left running?")] = False,
    ready: Annotated[bool, typer.Option("--ready", help="Can it do its work now?")] = False,
) -> None:
    """Say whether the workers of this machine are well; exit 0 if so, else 1.

    A broker that is away makes a worker unready, never dead. Without an option both are answered.
    """
    kinds = [kind for kind, on in (("live", live), ("ready", ready)) if on or live == ready]
    folder = folder_of(default_data_dir())
    found = [(kind, *each) for kind in kinds for each in verdicts(folder, ready=kind == "ready")]
    for kind, pid, wrong in found:
        which = f" {kind}" if len(kinds) > 1 else ""
        typer.echo(f"worker {pid}{which}: {wrong or 'ok'}")
    if not found:
        typer.echo("no worker runs on this machine")
    raise typer.Exit(0 if found and not any(wrong for _, _, wrong in found) else 1)
