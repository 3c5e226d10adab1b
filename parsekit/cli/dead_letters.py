"""``parsekit dead-letters``: requests that were put aside."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from parsekit.cli.options import ConfigFile, ListFormat, ListKind
from parsekit.formats.plain import printable

if TYPE_CHECKING:
    from parsekit.worker.dead_letters import DeadLetter, DeadLetters

app = typer.Typer(add_completion=False, no_args_is_help=True)

Tasks = Annotated[list[str], typer.Argument(metavar="TASK...", help="Ids of tasks, or all.")]


@app.command("list")
def list_(kind: ListKind = ListFormat.TABLE, config: ConfigFile = None) -> None:
    """Show every request that was put aside, oldest first."""
    letters = _letters(config).all()
    if kind is ListFormat.JSON:
        typer.echo(json.dumps([asdict(letter) for letter in letters], indent=2))
        return
    for letter in letters:
        replay = letter.kwargs.get("replayObjectPath", "")
        typer.echo(f"{letter.task_id}  {letter.code}  {printable(str(replay))}")


@app.command()
def retry(tasks: Tasks, config: ConfigFile = None) -> None:
    """Send requests once more, under their own ids."""
    from parsekit.worker import caller  # noqa: PLC0415  (Celery)

    for letter in _taken(_letters(config), tasks):
        caller.retry(letter)
        typer.echo(f"{letter.task_id} sent")


@app.command()
def drop(tasks: Tasks, config: ConfigFile = None) -> None:
    """Forget requests."""
    for letter in _taken(_letters(config), tasks):
        typer.echo(f"{letter.task_id} dropped")


def _letters(config: ConfigFile) -> DeadLetters:
    if config is not None:
        os.environ["PARSEKIT_CONFIG"] = str(config)
    from parsekit.worker import caller  # noqa: PLC0415  (Celery)
    from parsekit.worker.service import service  # noqa: PLC0415

    caller.reach()
    return service.process.dead_letters


def _taken(letters: DeadLetters, tasks: list[str]) -> list[DeadLetter]:
    names = [letter.task_id for letter in letters.all()] if tasks == ["all"] else tasks
    found = {name: letters.take(name) for name in names}
    for name, letter in found.items():
        if letter is None:
            typer.echo(f"{name} is not among the dead letters", err=True)
    if None in found.values():
        raise typer.Exit(1)
    return [letter for letter in found.values() if letter is not None]
