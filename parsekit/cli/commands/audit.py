"""``parsekit audit``: what happened to a replay or a task."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from parsekit.api import open_session
from parsekit.cli.event_files import AGE_HELP, reading, since_of, warn_of_unread
from parsekit.cli.exit import ExitCode, say_error, writing_output
from parsekit.cli.options import ConfigFile, ListFormat, ListKind
from parsekit.config import AuditSettings
from parsekit.errors import BadRequest
from parsekit.records.audit_file import FILE_NAME, audit_path
from parsekit.records.audit_search import AuditRecord, records_of
from parsekit.records.reader import Unread
from parsekit.records.writer import files_of
from parsekit.redaction.terminal_text import printable

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def audit(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME...",
            help="Ids of tasks, keys, paths or names of replays, hashes of content (8 digits on).",
        ),
    ],
    paths: Annotated[
        list[Path] | None,
        typer.Option(
            "--file", metavar="PATH", help="A file of records, or a folder with audit.jsonl."
        ),
    ] = None,
    since: Annotated[str | None, typer.Option("--since", metavar="AGE", help=AGE_HELP)] = None,
    kind: ListKind = ListFormat.TABLE,
    config: ConfigFile = None,
) -> None:
    """Show what happened to a task or a replay, from the audit, in the order of time.

    Of a replay there is all that its tasks did. Without --file: the audit of this machine, with the
    files that were set aside. Exit 1 when there is no record.
    """
    since_unix, unread = since_of(since), Unread()
    files = _files(paths, config)
    with reading():
        found = list(records_of(names, files, unread, since_unix=since_unix))
    with writing_output():
        if kind is ListFormat.JSON:
            typer.echo(json.dumps(msgspec.to_builtins(found), indent=2))
        else:
            typer.echo("".join(f"{line}\n" for each in found for line in _lines(each)), nl=False)
            warn_of_unread(unread, "an audit record")
    if not found:
        places = ", ".join(str(file) for file in files) or "the audit, which has no file yet"
        say_error(f"no record of {', '.join(names)} in {places}")
        raise typer.Exit(ExitCode.FAILED)


def _files(paths: list[Path] | None, config: Path | None) -> list[Path]:
    """The files to search, oldest first. Raises `BadRequest`, `ConfigInvalid`."""
    session = open_session(config, role="cli")
    settings = session.config.section(AuditSettings)
    if not paths:
        return files_of(audit_path(settings, session.data_dir), settings.keep)
    found: list[Path] = []
    for path in paths:
        files = files_of(path / FILE_NAME, settings.keep) if path.is_dir() else [path]
        missing = [file for file in files if not file.is_file()]
        if missing or not files:
            raise BadRequest(f"{path}: there is no file of audit records")
        found += files
    return found


def _lines(record: AuditRecord) -> Iterator[str]:
    yield printable(f"{record.at} {record.result} {record.replay}".rstrip())
    task = f"task {record.task_id}, " if record.task_id else ""
    yield printable(f"  {task}by {record.caller}")
    if record.parser:
        cached = ", from the cache" if record.cached else ""
        yield printable(f"  parser {record.parser} {record.parser_version}{cached}")
    if record.hash:
        yield printable(f"  hash {record.hash}")
    acts = {
        "looked at": record.looked_at,
        "read": record.read,
        "written": record.written,
        "removed": record.removed,
        "sent": record.sent,
    }
    for act, objects in acts.items():
        for each in objects:
            yield printable(f"  {act} {each}")
    if record.error:
        yield printable(f"  error: {record.error}")
