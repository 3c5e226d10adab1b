"""``parsekit plugins``: what was found, what it brings, and what is wrong with it."""

from __future__ import annotations

import json

import typer

from parsekit.cli.aligned_text import aligned
from parsekit.cli.exit import writing_output
from parsekit.cli.options import ListFormat, ListKind
from parsekit.host.discovery import reason_of
from parsekit.host.host import Host
from parsekit.host.plugin_info import PluginRecord
from parsekit.redaction.secrets import cleaned
from parsekit.redaction.terminal_text import printable

app = typer.Typer(add_completion=False, rich_markup_mode=None)

_HEADINGS = ("NAME", "VERSION", "DISTRIBUTION", "PROVIDES")


@app.command()
def plugins(kind: ListKind = ListFormat.TABLE) -> None:
    """List every plugin: name, version, distribution, what it provides, why one failed to load."""
    host = Host.load()
    listed = [(record, _reader(host, record)) for record in host.plugins]
    with writing_output():
        if kind is ListFormat.JSON:
            rows = [{**record.to_json(), "reader": reader} for record, reader in listed]
            typer.echo(json.dumps(rows, indent=2))
        else:
            table = [_HEADINGS, *(_row(record, reader) for record, reader in listed)]
            typer.echo("\n".join(aligned(table)))


def _reader(host: Host, record: PluginRecord) -> str | None:
    """What the plugin's parser reads with here; None where it has nothing to say."""
    entries = [host.parser_entry(name) for name in host.parsers.owned(record.name)]
    ask = next((entry.reader for entry in entries if entry.reader), None)
    try:
        return cleaned(str(ask())) if ask else None
    except Exception as exc:  # noqa: BLE001  (a plugin may raise anything)
        return f"unknown: {reason_of(exc)}"


def _row(record: PluginRecord, reader: str | None) -> tuple[str, str, str, str]:
    provides = ", ".join(record.provides) or "-"
    if reader:
        provides += f" ({reader})"
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
