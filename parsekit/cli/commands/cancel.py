"""``parsekit cancel``: end tasks of the service."""

from __future__ import annotations

from typing import Annotated

import typer

from parsekit.cli.options import ConfigFile, have_caller_read
from parsekit.redaction.terminal_text import printable

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def cancel(
    tasks: Annotated[list[str], typer.Argument(metavar="TASK...", help="Ids of tasks.")],
    config: ConfigFile = None,
) -> None:
    """End tasks that are queued, waiting or running; their callers see REVOKED.

    Exit 1 when one has ended already, or is not known.
    """
    have_caller_read(config)
    from parsekit.client import caller  # noqa: PLC0415  (Celery)

    caller.reach()
    with caller.audited("cancel") as audit:
        done = [caller.cancel(task_id, audit) for task_id in tasks]
    for one in done:
        typer.echo(f"{printable(one.task_id)} {one.words}", err=not one.done)
    raise typer.Exit(0 if all(one.done for one in done) else 1)
