"""``parsekit plugins``: what was found, what it brings, and what is wrong with it."""

from __future__ import annotations

import json

import typer

from parsekit.cli.aligned_text import aligned
from parsekit.cli.exit import writing_output
from parsekit.cli.options import ListFormat, ListKind
from parsekit.host import Host, PluginRecord
from parsekit.redaction.terminal_text import printable

app = typer.Typer(add_completion=False)

_HEADINGS = ("NAME", "VERSION", "DISTRIBUTION", "PROVIDES")


@app.command()
def plugins(kind: ListKind = ListFormat.TABLE) -> None:
    """List every plugin: name, version, distribution, what it provides, why one failed to load."""
    records = Host.load().plugins
    with writing_output():
        if kind is ListFormat.JSON:
            typer.echo(json.dumps([record.to_json() for record in records], indent=2))
        else:
            typer.echo("\n".join(aligned([_HEADINGS, *map(_row, records)])))


def _row(record: PluginRecord) -> tuple[str, str, str, str]:
    provides = ", ".join(record.provides) or "-"
    if record.warning:
        provides += f" ({record.warning})"
    if record.error:
        provides = f"FAILED: {record.error}"
    return (
        printable(record.name),
        printable(record.version) or "-",
        printable(record.distribution) or "-",
        printable(provides),
    )
