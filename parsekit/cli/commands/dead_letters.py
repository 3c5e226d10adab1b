"""``parsekit dead-letters``: requests that were put aside."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from parsekit.cli.options import CommandGroup, ConfigFile, ListFormat, ListKind, have_caller_read
from parsekit.redaction.terminal_text import printable

if TYPE_CHECKING:
    from parsekit.records.audit_trail import Operations
    from parsekit.worker.dead_letters import DeadLetter, DeadLetters

    Use = Callable[[DeadLetter, Operations], None]

app = typer.Typer(
    cls=CommandGroup, add_completion=False, no_args_is_help=True, rich_markup_mode=None
)

Tasks = Annotated[list[str], typer.Argument(metavar="TASK...", help="Ids of tasks, or all.")]


@app.callback()
def dead_letters() -> None:
    """Look at requests that were put aside, retry or drop them.

    A replay that ended its worker, or its parser's process, three times in a row is tried no more.
    Retry it once its parser is mended.
    """


@app.command("list")
def list_(kind: ListKind = ListFormat.TABLE, config: ConfigFile = None) -> None:
    """Show every request that was put aside, oldest first."""
    have_caller_read(config)
    letters = _listed()
    if kind is ListFormat.JSON:
        typer.echo(json.dumps([asdict(letter) for letter in letters], indent=2))
        return
    if not letters:
        typer.echo("no request was put aside", err=True)
    for letter in letters:
        replay = letter.kwargs.get("replayObjectPath", "")
        typer.echo(f"{letter.task_id}  {letter.code}  {printable(str(replay))}")


@app.command()
def retry(tasks: Tasks, config: ConfigFile = None) -> None:
    """Send requests once more, under their own ids."""

    def send(letter: DeadLetter, audit: Operations) -> None:
        from parsekit.client import caller  # noqa: PLC0415  (Celery)

        try:
            caller.retry(letter, audit)
        except BaseException:
            caller.restore(letter, audit)
            raise
        typer.echo(f"{letter.task_id} sent")

    _each_removed("retry", tasks, config, send)


@app.command()
def drop(tasks: Tasks, config: ConfigFile = None) -> None:
    """Forget requests."""

    def drop_it(letter: DeadLetter, audit: Operations) -> None:
        del audit
        typer.echo(f"{letter.task_id} dropped")

    _each_removed("drop", tasks, config, drop_it)


def _letters() -> DeadLetters:
    from parsekit.client import caller  # noqa: PLC0415  (Celery)
    from parsekit.worker.process import service  # noqa: PLC0415

    caller.reach()
    return service.process.dead_letters


def _listed() -> list[DeadLetter]:
    from parsekit.client import caller  # noqa: PLC0415  (Celery)

    letters = _letters()
    with caller.audited("dead-letters list") as audit, audit.doing() as operation:
        found = letters.all()
        operation.trail.record("read", "dead letters")
    return found


def _each_removed(command: str, tasks: list[str], config: ConfigFile, use: Use) -> None:
    """Take one request after the other and do with it what is to be done, before the next."""
    have_caller_read(config)
    from parsekit.client import caller  # noqa: PLC0415  (Celery)

    letters = _letters()
    missing = 0
    with caller.audited(f"dead-letters {command}") as audit:
        names = [letter.task_id for letter in letters.all()] if tasks == ["all"] else tasks
        for name in names:
            letter = caller.remove(name, audit)
            if letter is None:
                missing += 1
                typer.echo(f"{name} is not among the dead letters", err=True)
            else:
                use(letter, audit)
    raise typer.Exit(1 if missing else 0)
