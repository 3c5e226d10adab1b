"""``parsekit analytics``: what the analytics events of this deployment come to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from parsekit.cli.aligned_text import aligned
from parsekit.cli.event_files import AGE_HELP, event_files, reading, since_of, warn_of_unread
from parsekit.cli.exit import writing_output
from parsekit.cli.options import CommandGroup, ListFormat, ListKind
from parsekit.events import moment
from parsekit.records.analytics_file import FOLDER
from parsekit.records.analytics_summary import SIZE, TIMINGS, Figures, Summary, summarise
from parsekit.records.reader import Unread
from parsekit.redaction.terminal_text import printable

app = typer.Typer(
    cls=CommandGroup, add_completion=False, no_args_is_help=True, rich_markup_mode=None
)

_STEPS = dict(zip(TIMINGS, ("get", "parse", "put", "total"), strict=True))


@app.callback()
def analytics() -> None:
    """Look at the analytics events of this deployment."""


@app.command()
def summary(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH", help="Files of events, or folders with one."),
    ] = None,
    kind: ListKind = ListFormat.TABLE,
    since: Annotated[str | None, typer.Option("--since", metavar="AGE", help=AGE_HELP)] = None,
) -> None:
    """Summarise: success rate, cache-hit rate, errors, timings and sizes, by parser.

    Without PATH: the events of this machine's workers and commands alone. For a deployment of
    several machines, name the folders of all (analytics in each one's data folder).
    """
    since_unix, unread = since_of(since), Unread()
    with reading():
        files = event_files(paths or [], FOLDER, since_unix)
        found = summarise(files, unread, since_unix=since_unix)
    with writing_output():
        if kind is ListFormat.JSON:
            typer.echo(json.dumps(_json(found, unread, files), indent=2))
        else:
            typer.echo("\n".join(_lines(found, since, "" if paths else ", on this machine")))
            warn_of_unread(unread, "an analytics event")


def _json(found: Summary, unread: Unread, files: list[Path]) -> dict[str, object]:
    return {
        "files": [str(file) for file in files],
        "from": None if found.first is None else moment(found.first.timestamp()),
        "to": None if found.last is None else moment(found.last.timestamp()),
        "total": found.total.to_json(),
        "parsers": {name: each.to_json() for name, each in found.parsers.items()},
        "repeated": found.repeated,
        "unread": unread.to_json(),
    }


def _lines(found: Summary, since: str | None, where: str) -> Iterator[str]:
    total = found.total
    if not total.tasks:
        age = f" of the last {since}" if since else " yet"
        yield (
            f"no analytics events{age}{where}; `parsekit parse` and each worker write them to "
            f"{FOLDER} in their own data folder: name the files of other machines or users"
        )
        return
    yield from _head(found, where)
    for name, each in found.parsers.items():
        yield ""
        yield from _section(printable(name), each)
    if len(found.parsers) > 1:
        yield ""
        yield from _section("all parsers", total)


def _head(found: Summary, where: str) -> Iterator[str]:
    if found.first is not None and found.last is not None:
        yield f"{moment(found.first.timestamp())} to {moment(found.last.timestamp())}{where}"
    if found.repeated:
        yield f"{found.repeated} events were told again and count once"


def _section(title: str, figures: Figures) -> Iterator[str]:
    yield (
        f"{title}: {figures.tasks} tasks, {_percent(figures.success_percent)} succeeded, "
        f"{_percent(figures.cache_hit_percent)} of the results from the cache"
    )
    for code, count in figures.errors.most_common():
        yield f"  {count} failed with {printable(code)}"
    rows = [_row(f"  {step} ms", figures, name) for name, step in _STEPS.items()]
    rows.append(_row("  replay KB", figures, SIZE))
    yield from aligned([("", "COUNT", "P50", "P95"), *rows], numbers=(1, 2, 3))


def _row(title: str, figures: Figures, name: str) -> tuple[str, ...]:
    spread = figures.spread(name).to_json()
    count, p50, p95 = (spread[key] for key in ("count", "p50", "p95"))
    return title, str(count), *("-" if each is None else str(each) for each in (p50, p95))


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} %"
