"""``parsekit submit``: send replays to the service."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from parsekit.cli.options import ConfigFile, have_service_read
from parsekit.formats.plain import printable

if TYPE_CHECKING:
    from parsekit.worker.manifest import Entry
    from parsekit.worker.submission import Answer

app = typer.Typer(add_completion=False)


class SubmitFormat(StrEnum):
    """What ``--format`` takes."""

    IDS = "ids"
    JSONL = "jsonl"


@app.command()
def submit(
    replays: Annotated[
        list[str], typer.Argument(metavar="KEY_OR_PATH...", help="Keys in the storage, or files.")
    ],
    config: ConfigFile = None,
    follow: Annotated[
        bool, typer.Option("--follow", help="Show live progress until all have ended.")
    ] = False,
    form: Annotated[
        SubmitFormat, typer.Option("--format", "-f", help="Ids at once, or outcomes as they end.")
    ] = SubmitFormat.IDS,
    bulk: Annotated[
        bool, typer.Option("--bulk", help="A back-fill: yields to interactive requests.")
    ] = False,
    manifest: Annotated[
        Path | None, typer.Option(help="File that lets an interrupted submit go on.")
    ] = None,
) -> None:
    """Send replays to the service; local files are uploaded to the storage first.

    Prints the ids of the tasks, or with --follow or --format jsonl waits for their outcomes.
    """
    have_service_read(config)
    from parsekit.worker import caller, submission  # noqa: PLC0415  (Celery)
    from parsekit.worker.manifest import Manifest  # noqa: PLC0415

    caller.reach()
    kept = Manifest(manifest)
    with caller.audited("submit") as audit:
        if form is SubmitFormat.IDS and not follow:
            for entry in submission.send_all(replays, kept, audit, bulk=bulk):
                typer.echo(f"{entry.task_id} {printable(entry.key)}")
            return
        all_ok = True
        say = _say if follow else _say_nothing
        for answer in submission.answer_all(replays, kept, audit, bulk=bulk, follow=say):
            all_ok &= bool(answer.outcome["ok"])
            typer.echo(_shown(answer, form))
    raise typer.Exit(0 if all_ok else 1)


def _shown(answer: Answer, form: SubmitFormat) -> str:
    if form is SubmitFormat.JSONL:
        return json.dumps(answer.outcome)
    error = answer.outcome["error"]
    told = f"{error['code']}: {error['message']}" if error else answer.outcome["outputPath"]
    return f"{printable(answer.entry.replay)} {printable(str(told))}"


def _say(entry: Entry, state: str, reason: str) -> None:
    why = f": {reason}" if reason else ""
    sys.stderr.write(f"{printable(entry.replay)} {state.lower()}{printable(why)}\n")


def _say_nothing(entry: Entry, state: str, reason: str) -> None:
    del entry, state, reason
