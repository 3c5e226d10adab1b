"""``parsekit submit``: send replays to the service."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from parsekit.batch.inputs import NoMatch
from parsekit.cli.exit import say, say_error
from parsekit.cli.following import displayed
from parsekit.cli.options import ConfigFile, have_caller_read
from parsekit.cli.verdict import Tally
from parsekit.client.manifest import Entry
from parsekit.redaction.terminal_text import printable

if TYPE_CHECKING:
    from parsekit.client.submit import Answer
    from parsekit.client.uploads import NotSent

app = typer.Typer(add_completion=False, rich_markup_mode=None)

#: Records of the audit that are written together: one at a time takes three times as long.
_RECORDS_AT_ONCE = 32


class SubmitFormat(StrEnum):
    """What ``--format`` takes."""

    IDS = "ids"
    JSONL = "jsonl"


@app.command()
def submit(
    replays: Annotated[
        list[str],
        typer.Argument(
            metavar="KEY_OR_PATH...",
            help="Keys in the storage, files, or folders (searched for .replay files).",
        ),
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

    Prints the ids of the tasks, or with --follow or --format jsonl waits for their outcomes. A
    replay that can't be sent is reported and stops no other; the exit code is 1 then. With the same
    --manifest a repeat sends only what was not sent before.
    """
    have_caller_read(config)
    from parsekit.client import caller, submit  # noqa: PLC0415
    from parsekit.client.manifest import Manifest  # noqa: PLC0415
    from parsekit.client.uploads import count_unended  # noqa: PLC0415

    caller.reach()
    report = _Report(form)
    outcomes = follow or form is SubmitFormat.JSONL
    with ExitStack() as stack:
        kept = stack.enter_context(Manifest(manifest))
        audit = stack.enter_context(caller.audited("submit", at_once=_RECORDS_AT_ONCE))
        shown = stack.enter_context(
            displayed(
                follow=follow,
                results_for_programs=form is SubmitFormat.JSONL,
                total=lambda: count_unended(replays, kept),
            )
        )
        try:
            if outcomes:
                for end in submit.answer_all(replays, kept, audit, bulk=bulk, follower=shown):
                    report.ended(end)
                    if isinstance(end, submit.Answer):
                        shown.count(failed=not end.outcome["ok"])
            else:
                for one in submit.send_all(replays, kept, audit, bulk=bulk):
                    report.sent(one)
                    if not isinstance(one, NoMatch):
                        shown.count(failed=not isinstance(one, Entry))
        except KeyboardInterrupt:
            say("interrupted: tasks that were sent go on in the service")
            raise
    if outcomes and report.tally.replays > 1:
        say(str(report.tally))
    raise typer.Exit(report.tally.exit_code)


@dataclass(slots=True)
class _Report:
    """Prints what became of each replay, and counts."""

    form: SubmitFormat
    tally: Tally = field(default_factory=Tally)

    def sent(self, one: Entry | NotSent | NoMatch) -> None:
        """Print a task's id as soon as it is sent."""
        if isinstance(one, NoMatch):
            self._found_nothing(one)
        elif isinstance(one, Entry):
            self.tally.parsed += 1
            typer.echo(f"{one.task_id} {printable(one.key)}")
        else:
            self.tally.failed += 1
            say_error(f"{one.replay} {one.failure.code}: {one.failure.message}")

    def ended(self, one: Answer | NoMatch) -> None:
        """Print an outcome."""
        if isinstance(one, NoMatch):
            self._found_nothing(one)
        else:
            self.tally.count(ok=bool(one.outcome["ok"]), cached=bool(one.outcome.get("cached")))
            typer.echo(_shown(one, self.form))

    def _found_nothing(self, one: NoMatch) -> None:
        self.tally.barren.append(one.error)
        say_error(one.error.message)


def _shown(answer: Answer, form: SubmitFormat) -> str:
    outcome = answer.outcome
    if form is SubmitFormat.JSONL:
        return json.dumps(outcome)
    error = outcome["error"]
    shown = f"{error['code']}: {error['message']}" if error else outcome["outputPath"]
    return f"{printable(outcome['replay'])} {printable(str(shown))}"
