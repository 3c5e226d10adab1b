"""``parsekit analytics``: what the analytics events of this deployment come to."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from parsekit.cli.aligned_text import aligned
from parsekit.cli.event_files import event_files, reading, warn_of_unread
from parsekit.cli.exit import writing_output
from parsekit.cli.options import ListFormat, ListKind
from parsekit.errors import BadRequest
from parsekit.events import moment
from parsekit.records.analytics_file import FILE_NAME
from parsekit.records.analytics_summary import SIZE, TIMINGS, Figures, Summary, summarise
from parsekit.records.reader import Unread, read_lines
from parsekit.redaction.terminal_text import printable

app = typer.Typer(add_completion=False, no_args_is_help=True)

_AGE = re.compile(r"(\d{1,6})([smhdw])")
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
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
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="AGE", help="Only what ended since then: 30m, 24h, 7d."),
    ] = None,
) -> None:
    """Summarise: success rate, cache-hit rate, errors, timings and sizes, by parser.

    Without PATH: the events of this machine's workers and commands alone. For a deployment of
    several machines, name the files of all (analytics.jsonl in each one's data folder).
    """
    since_unix = None if since is None else time.time() - _age_s(since)
    files = event_files(paths or [], FILE_NAME)
    unread = Unread()
    with reading():
        found = summarise(read_lines(files, unread), unread, since_unix=since_unix)
    with writing_output():
        if kind is ListFormat.JSON:
            typer.echo(json.dumps(_json(found, unread, files), indent=2))
        else:
            typer.echo("\n".join(_lines(found, since, "" if paths else ", on this machine")))
            warn_of_unread(unread, "an analytics event")


def _age_s(text: str) -> int:
    """Seconds of an age such as ``24h``. Raises `BadRequest`."""
    matched = _AGE.fullmatch(text.strip().lower())
    if not matched:
        raise BadRequest(f"--since {text}: is no age; write a number and a unit, such as 24h or 7d")
    return int(matched[1]) * _UNIT_S[matched[2]]


def _json(found: Summary, unread: Unread, files: list[Path]) -> dict[str, object]:
    return {
        "files": [str(file) for file in files],
        "from": None if found.first_unix is None else moment(found.first_unix),
        "to": None if found.last_unix is None else moment(found.last_unix),
        "total": found.total.to_json(),
        "parsers": {name: each.to_json() for name, each in found.parsers.items()},
        "repeated": found.repeated,
        "unread": unread.to_json(),
    }


def _lines(found: Summary, since: str | None, where: str) -> Iterator[str]:
    if not found.total.tasks:
        age = f" of the last {since}" if since else " yet"
        yield (
            f"no analytics events{age}{where}; `parsekit parse` and each worker write them to "
            f"{FILE_NAME} in their own data folder: name the files of other machines or users"
        )
        return
    yield from _head(found, where)
    for name, each in found.parsers.items():
        yield ""
        yield from _section(printable(name), each)
    if len(found.parsers) > 1:
        yield ""
        yield from _section("all parsers", found.total)


def _head(found: Summary, where: str) -> Iterator[str]:
    if found.first_unix is not None and found.last_unix is not None:
        yield f"{moment(found.first_unix)} to {moment(found.last_unix)}{where}"
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
