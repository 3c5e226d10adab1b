"""``parsekit events``: what happened, one row an event."""

from __future__ import annotations

import sys
from enum import StrEnum
from functools import partial
from typing import Annotated

import typer

from parsekit.api import open_pipeline, open_session
from parsekit.batch.cores import default_slots
from parsekit.batch.inputs import STDIN, expand
from parsekit.cli.interrupt import interruptible
from parsekit.cli.logs import show_logs
from parsekit.cli.options import ConfigFile, Parser, Replays
from parsekit.cli.output import StdoutWriter
from parsekit.cli.parse_run import ParseRun
from parsekit.cli.stdin import refuse_terminal
from parsekit.errors import BadRequest
from parsekit.formats.csv_text import CsvRows
from parsekit.formats.event_lines import EventLines
from parsekit.formats.parquet import ParquetRows
from parsekit.formats.writer import Writer
from parsekit.host.host import Host
from parsekit.model import Outcome
from parsekit.tables.events import EVENTS

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class EventFormat(StrEnum):
    """What ``--format`` takes."""

    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


@app.command()
def events(
    paths: Replays,
    parser: Parser = None,
    config: ConfigFile = None,
    kind: Annotated[
        EventFormat, typer.Option("--format", "-f", help="How events are written.")
    ] = EventFormat.JSONL,
) -> None:
    """Write what happened in replays, one row an event, to standard output.

    Kick-offs, touches, shots, saves, goals, demolitions, boost pick-ups, possession, 50/50s and
    aerials, with time, players and place. Each kind follows a written definition of its parser;
    the column confidence says exact, computed or guess.
    """
    show_logs()
    if STDIN in paths:
        refuse_terminal()
    if kind is EventFormat.PARQUET and sys.stdout.isatty():
        raise BadRequest("--format parquet is no text; redirect it to a file")
    host = Host.load()
    session = open_session(config, host=host, role="cli")
    asked = parser or session.config.host.parser
    host.check_parsers(asked, session.config.host.fallback)
    with interruptible() as interrupt:
        with open_pipeline(session, host) as pipeline:
            run = ParseRun(
                pipeline=pipeline,
                writers=[_Events(partial(_writer, kind))],
                interrupt=interrupt,
                parser=parser,
                disable_cache=False,
                jobs=default_slots(host.parser_entry(asked).runs),
                timeline=True,
            )
            run.all(expand(paths))
        run.summary()
        raise typer.Exit(run.exit_code)


class _Events(StdoutWriter):
    """Events of each replay, to standard output."""

    def write(self, outcome: Outcome) -> None:
        """Hand on. Raises `BadRequest` for a parser without events, and `OutputLost`."""
        if outcome.ok and outcome.timeline is None:
            text = f"parser {outcome.parser_shown!r} tells no events; take --parser local"
            raise BadRequest(text)
        super().write(outcome)


def _writer(kind: EventFormat) -> Writer:
    if kind is EventFormat.CSV:
        return CsvRows(sys.stdout, EVENTS)
    if kind is EventFormat.PARQUET:
        return ParquetRows(sys.stdout.buffer, EVENTS)
    return EventLines(sys.stdout)
