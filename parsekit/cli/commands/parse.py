"""``parsekit parse``: the main job.

What takes long to import is imported once the process is under way that will read replays.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from parsekit.batch.cores import default_slots
from parsekit.batch.inputs import STDIN, Input, NoMatch, expand
from parsekit.cli.interrupt import interruptible
from parsekit.cli.logs import show_logs
from parsekit.cli.options import ConfigFile, Parser, Replays
from parsekit.cli.output import OutputOptions
from parsekit.cli.stdin import refuse_terminal
from parsekit.formats.views import By, View
from parsekit.formats.writer import Format
from parsekit.parsers.isolation.server_process import Interpreter

if TYPE_CHECKING:
    from parsekit.host.host import Host

app = typer.Typer(add_completion=False, rich_markup_mode=None)

#: More threads than this only fight for the same cores; a typing error must not start thousands.
_MAX_JOBS = 256


@app.command()
def parse(
    paths: Replays,
    *,
    parser: Parser = None,
    config: ConfigFile = None,
    kind: Annotated[
        Format, typer.Option("--format", "-f", help="How results are written.")
    ] = Format.TABLE,
    view: Annotated[
        View | None, typer.Option("--view", help="Columns of the table.", show_default="core")
    ] = None,
    summary: Annotated[
        bool, typer.Option("--summary", help="Show what all replays come to, not each.")
    ] = False,
    by: Annotated[
        By | None, typer.Option("--by", help="Rows of the summary.", show_default="all three")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="DIR", help="Write a file for each result into this folder."
        ),
    ] = None,
    tables: Annotated[
        Path | None,
        typer.Option(
            "--tables",
            metavar="DIR",
            help="Write tables of matches, teams, players, goals and events into this folder: "
            "Parquet, or CSV with --format csv.",
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            "-j",
            metavar="N",
            min=1,
            max=_MAX_JOBS,
            show_default="cores; 20 for a remote parser",
            help="Parse so many replays at once.",
        ),
    ] = None,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Parse again what was parsed before.")
    ] = False,
) -> None:
    """Parse replays: results on standard output, progress and errors on standard error.

    One bad file never stops the others; run again, and what was parsed comes from the cache.
    """
    show_logs()
    if STDIN in paths:
        refuse_terminal()
    with closing(Interpreter()) as interpreter:
        from parsekit.api import open_pipeline, open_session  # noqa: PLC0415
        from parsekit.cli.parse_run import ParseRun  # noqa: PLC0415
        from parsekit.cli.shadow import await_first, print_shadow  # noqa: PLC0415
        from parsekit.host.host import Host  # noqa: PLC0415

        host = Host.load()
        session = open_session(config, host=host, role="cli")
        asked = parser or session.config.host.parser
        host.check_parsers(asked, session.config.host.fallback)
        with interruptible() as interrupt:
            single, found = _peeked(expand(paths))
            options = OutputOptions(
                kind=kind,
                folder=output,
                tables=tables,
                single=single,
                view=view,
                summary=summary,
                by=by,
            )
            with (
                _display(options, paths, host),
                open_pipeline(session, host, interpreter=interpreter) as pipeline,
            ):
                run = ParseRun(
                    pipeline=pipeline,
                    writers=options.writers(),
                    interrupt=interrupt,
                    parser=parser,
                    disable_cache=no_cache,
                    jobs=jobs or default_slots(host.parser_entry(asked).runs),
                    timeline=tables is not None,
                )
                run.all(found)
                await_first(pipeline.shadow, interrupt)
            run.summary()
            print_shadow(pipeline.shadow)
            raise typer.Exit(run.exit_code)


def _peeked(found: Iterator[Input | NoMatch]) -> tuple[bool, Iterable[Input | NoMatch]]:
    """Whether there is only one replay, without looking further than the second."""
    seen: list[Input | NoMatch] = []
    replays = 0
    for one in found:
        seen.append(one)
        replays += isinstance(one, Input)
        if replays > 1:
            break
    return replays == 1, chain(seen, found)


@contextmanager
def _display(options: OutputOptions, paths: list[str], host: Host) -> Iterator[None]:
    """A live bar on a terminal; nothing elsewhere."""
    if not sys.stderr.isatty() or options.floods_terminal:
        yield
        return
    from rich.console import Console  # noqa: PLC0415  (40 ms that a pipe need not pay)

    from parsekit.cli.progress_bar import TerminalProgress  # noqa: PLC0415

    progress = TerminalProgress(Console(stderr=True), single=options.single)
    host.register(progress, "terminal-progress")
    with progress:
        if not options.single:
            counting = threading.Thread(target=_count, args=(paths, progress.expect), daemon=True)
            counting.start()
        yield


def _count(paths: list[str], expect: Callable[[int], None]) -> None:
    """Look through the arguments a second time, so that the first pass need not wait."""
    expect(sum(isinstance(one, Input) for one in expand(paths)))
