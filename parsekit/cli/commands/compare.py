"""``parsekit compare``: what the differences of many replays come to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from parsekit.cli.aligned_text import aligned
from parsekit.cli.event_files import AGE_HELP, event_files, reading, since_of, warn_of_unread
from parsekit.cli.exit import ExitCode, say_error, writing_output
from parsekit.cli.options import ListFormat, ListKind
from parsekit.records.reader import Unread
from parsekit.redaction.terminal_text import printable
from parsekit.shadow.compare import ABSENT, Absent, Leaf
from parsekit.shadow.differences_file import FOLDER
from parsekit.shadow.summary import Agreement, Example, PairSummary, summarise

app = typer.Typer(add_completion=False, rich_markup_mode=None)

_HEAD = ("FIELD", "VALUES", "EQUAL", "1 %", "5 %", "ABSENT", "MEDIAN", "WORST", "EXAMPLE")
_NUMBERS = range(1, 8)
_EXAMPLE_TEXT = 20


@app.command()
def compare(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH", help="Files of differences, or folders with one."),
    ] = None,
    kind: ListKind = ListFormat.TABLE,
    field: Annotated[
        str, typer.Option("--field", metavar="NAME", help="Only this field and those below it.")
    ] = "",
    since: Annotated[str | None, typer.Option("--since", metavar="AGE", help=AGE_HELP)] = None,
    fail_under: Annotated[
        float | None,
        typer.Option(
            "--fail-under",
            metavar="PERCENT",
            min=0,
            max=100,
            help="Exit with 1 when fewer values than this are within 1 %, or none were compared.",
        ),
    ] = None,
) -> None:
    """Compare a parser with its shadow, field by field, over all replays that both have parsed.

    Without PATH: the differences of this machine.
    """
    since_unix, unread = since_of(since), Unread()
    with reading():
        files = event_files(paths or [], FOLDER, since_unix)
        pairs = summarise(files, unread, prefix=field, since_unix=since_unix)
    with writing_output():
        if kind is ListFormat.JSON:
            shown = {"pairs": [pair.to_json() for pair in pairs], "unread": unread.to_json()}
            typer.echo(json.dumps(shown, indent=2))
        else:
            typer.echo("\n".join(_lines(pairs)))
            warn_of_unread(unread, "a difference")
    if fail_under is not None:
        _judge(pairs, fail_under)


def _judge(pairs: list[PairSummary], fail_under: float) -> None:
    if not pairs:
        say_error("nothing was compared")
        raise typer.Exit(ExitCode.FAILED)
    below = [pair for pair in pairs if _within(pair.total) < fail_under]
    for pair in below:
        share = f"{_within(pair.total):.2f} % of all values are within 1 %, not {fail_under:g}"
        say_error(f"{pair.primary} beside {pair.shadow}: {share}")
    if below:
        raise typer.Exit(ExitCode.FAILED)


def _within(total: Agreement) -> float:
    return total.percent(total.within_1_percent)


def _lines(pairs: list[PairSummary]) -> Iterator[str]:
    if not pairs:
        yield "nothing was compared yet; set `shadow` in the configuration and parse"
    for number, pair in enumerate(pairs):
        if number:
            yield ""
        yield from _pair_lines(pair)


def _pair_lines(pair: PairSummary) -> Iterator[str]:
    total = pair.total
    shares = ", ".join(
        f"{total.percent(count):.2f} % {what}"
        for count, what in (
            (total.equal, "equal"),
            (total.within_1_percent, "within 1 %"),
            (total.within_5_percent, "within 5 %"),
            (total.absent, "on one side only"),
        )
    )
    yield printable(f"{pair.primary} beside {pair.shadow}: {pair.replays} replays")
    yield f"{total.values} values: {shares}"
    unequal = list(pair.worst_first())
    if unequal:
        yield from aligned([_HEAD, *(_row(name, each) for name, each in unequal)], _NUMBERS)
    if rest := len(pair.fields) - len(unequal):
        yield f"{rest} fields are equal in every replay"


def _row(name: str, each: Agreement) -> tuple[str, ...]:
    counts = (each.equal, each.within_1_percent, each.within_5_percent, each.absent)
    return (
        printable(name),
        str(each.values),
        *(f"{each.percent(count):.1f}" for count in counts),
        f"{100 * each.median:.2f}",
        f"{100 * each.worst:.2f}",
        _example(each.example) if each.example else "-",
    )


def _example(example: Example) -> str:
    values = example.differing
    texts = f"{_shown(values.primary)} beside {_shown(values.shadow)}"
    place = f" {values.where}" if values.where else ""
    return printable(f"{_shortened(example.replay.rsplit('/', 1)[-1])}{place}: {texts}")


def _shown(value: Leaf | Absent) -> str:
    if value is ABSENT:
        return "nothing"
    if isinstance(value, float):
        return f"{value:.6g}"
    return _shortened(json.dumps(value, ensure_ascii=False))


def _shortened(text: str) -> str:
    return text if len(text) <= _EXAMPLE_TEXT else f"{text[: _EXAMPLE_TEXT - 1]}…"
