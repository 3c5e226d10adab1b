"""``parsekit watch``: parse what the game writes, as it writes it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from parsekit.api import open_pipeline, open_session
from parsekit.batch.cores import default_slots
from parsekit.batch.in_order import in_order
from parsekit.batch.inputs import Input
from parsekit.cli.exit import say, say_error
from parsekit.cli.interrupt import Interrupt, interruptible
from parsekit.cli.logs import show_logs
from parsekit.cli.options import ConfigFile, Parser
from parsekit.cli.output import OutputOptions
from parsekit.cli.parse_run import ParseRun
from parsekit.errors import (
    BadRequest,
    Cancelled,
    InvalidReplay,
    ParsekitError,
    ParserFailed,
    ParserTimeout,
    PoisonReplay,
    RemoteRejected,
    ReplayTooLarge,
)
from parsekit.formats.writer import Format
from parsekit.groups.game import game_of
from parsekit.host.host import Host
from parsekit.model import Outcome
from parsekit.watch.arrivals import Arrival, Arrivals, looks
from parsekit.watch.game_folders import game_folders
from parsekit.watch.pages import SessionPages
from parsekit.watch.record import LATEST_UNIX, DoneReplay, WatchRecord

app = typer.Typer(add_completion=False, rich_markup_mode=None)

#: Failures that are the replay's own, so that it is not tried again.
_OWN_FAILURES = frozenset(
    error.code
    for error in (
        InvalidReplay,
        ReplayTooLarge,
        ParserFailed,
        ParserTimeout,
        PoisonReplay,
        RemoteRejected,
    )
)


class WatchFormat(StrEnum):
    """What ``--format`` takes."""

    TABLE = "table"
    JSONL = "jsonl"


@app.command()
def watch(
    folders: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FOLDER]...", help="Folders of replays; without one, those of the game."
        ),
    ] = None,
    *,
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="DIR", help="Keep a page of each session in this folder."),
    ] = None,
    parser: Parser = None,
    config: ConfigFile = None,
    kind: Annotated[
        WatchFormat, typer.Option("--format", "-f", help="How results are written.")
    ] = WatchFormat.TABLE,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="DIR", help="Write a file for each result into this folder."
        ),
    ] = None,
) -> None:
    """Parse each replay that comes into a folder, once, as soon as it is whole.

    What is there already is done first. Ctrl-C ends it; started again, it goes on from there, and
    does nothing twice: a replay is known by its content. With --report the page of the session
    (matches with less than two hours between them) is written anew with each match.
    """
    show_logs()
    host = Host.load()
    begin_page = host.page_maker() if report else None
    session = open_session(config, host=host, role="cli")
    asked = parser or session.config.host.parser
    host.check_parsers(asked, session.config.host.fallback)
    watched = _checked(folders) if folders else _of_the_game()
    options = OutputOptions(kind=Format(kind), folder=output, tables=None, single=False)
    with (
        interruptible() as interrupt,
        WatchRecord.open(session.data_dir, _places(watched, output, report)) as record,
        open_pipeline(session, host) as pipeline,
    ):
        run = ParseRun(
            pipeline=pipeline,
            writers=options.writers(),
            interrupt=interrupt,
            parser=parser,
            disable_cache=False,
            jobs=default_slots(host.parser_entry(asked).runs),
            timeline=report is not None,
        )
        pages = None
        if report is not None and begin_page is not None:
            pages = SessionPages(report, record, begin_page, partial(_again, run), _say_written)
        arrivals = Arrivals(watched, record, max_bytes=session.config.limits.replay_bytes)
        say(f"watching {', '.join(watched)}; Ctrl-C ends it")
        _Watch(run=run, record=record, arrivals=arrivals, pages=pages).until_stopped(watched)
    say(str(run.tally))
    raise typer.Exit(_exit_code(run, interrupt))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Watch:
    """One watch in action."""

    run: ParseRun
    record: WatchRecord
    arrivals: Arrivals
    pages: SessionPages | None

    def until_stopped(self, folders: Sequence[str]) -> None:
        """Do what there is, and then what comes. Raises `OutputLost`."""
        try:
            if self.pages:
                for session in self.record.sessions_without_page():
                    with _reported():
                        self.pages.restore(session)
                        self.pages.write()
            for _ in looks(folders, self.arrivals, self.run.interrupt.stop):
                self._do_what_came()
        finally:
            self.run.close()

    def _do_what_came(self) -> None:
        came: dict[str, Arrival] = {}
        noted = False

        def inputs() -> Iterator[Input]:
            for arrival in self.arrivals.scan():
                came[arrival.path] = arrival
                yield Input(arrival.path)

        for outcome in self.run.each(inputs()):
            self._note(came.pop(outcome.replay), outcome)
            noted = True
        for arrival in came.values():  # their results could not be written
            self.arrivals.try_later(arrival)
        if self.pages and noted:
            with _reported():
                self.pages.write()

    def _note(self, arrival: Arrival, outcome: Outcome) -> None:
        if outcome.failure is not None and outcome.failure.code not in _OWN_FAILURES:
            self.arrivals.try_later(arrival)
            return
        played_unix = _played_unix(outcome, arrival)
        session = self.record.session_of(played_unix) if outcome.ok else ""
        done = DoneReplay(
            path=os.path.abspath(arrival.path),  # noqa: PTH100  (resolve() would follow links)
            sha256=outcome.hash or arrival.sha256,
            state=arrival.state,
            played_unix=played_unix,
            session=session,
        )
        with _reported():
            self.record.add(done)
            if self.pages and session:
                self.pages.add(session, outcome)


def _checked(folders: list[str]) -> list[str]:
    for folder in folders:
        if not Path(folder).is_dir():
            raise BadRequest(f"{folder} is no folder; name one that replays come into")
    return folders


def _of_the_game() -> list[str]:
    try:
        found = game_folders(Path.home())
    except RuntimeError:  # this user has no home
        found = ()
    if not found:
        raise BadRequest(
            "no replay folder of the game was found, neither in the documents of a Windows user, "
            "nor with Steam's Proton, nor on macOS; name one: parsekit watch FOLDER"
        )
    return [str(folder) for folder in found]


def _places(folders: Sequence[str], output: Path | None, report: Path | None) -> list[str]:
    """What tells this watch from others: where replays come from, and where results go."""
    sources = sorted({os.path.realpath(folder) for folder in folders})
    goals = [os.path.realpath(goal) if goal else "" for goal in (output, report)]
    return [*sources, *goals]


def _again(run: ParseRun, paths: Sequence[str]) -> Iterator[Outcome]:
    """Parse without output. Raises `Cancelled` where it was stopped, as some may be missing."""
    stop = run.interrupt.stop
    yield from in_order(run.parse, map(Input, paths), jobs=run.jobs, stop=stop)
    if stop.is_set():
        raise Cancelled("stopped while the matches of a session were read again")


def _played_unix(outcome: Outcome, arrival: Arrival) -> float:
    """When it was played as the replay says, else when its file was written."""
    date = game_of(outcome.data).date
    played_unix = date.timestamp() if date else arrival.state.mtime_ns / 1e9
    return min(max(0.0, played_unix), LATEST_UNIX)


def _say_written(page: Path, title: str) -> None:
    say(f"{page}: {title}")


@contextmanager
def _reported() -> Iterator[None]:
    """Report what hinders a page or the record in a line, and go on with the next replay."""
    try:
        yield
    except Cancelled:
        pass
    except ParsekitError as error:
        say_error(error.message)
    except OSError as error:
        say_error(f"{error.filename or 'the record of what was done'}: {error.strerror}")


def _exit_code(run: ParseRun, interrupt: Interrupt) -> int:
    """130 for Ctrl-C; SIGTERM is how a watch is ended, so that is no failure of its own."""
    interrupted = interrupt.number == signal.SIGINT
    return interrupt.exit_code if interrupted else run.tally.exit_code
