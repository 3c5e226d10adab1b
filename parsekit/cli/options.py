"""Arguments and options that several commands share."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from parsekit.cli.completion import parser_names


class ListFormat(StrEnum):
    """What ``--format`` takes where something is listed."""

    TABLE = "table"
    JSON = "json"


ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", metavar="FILE", help="Read this configuration, not a default one."
    ),
]
Parser = Annotated[
    str | None,
    typer.Option(
        "--parser", "-p", metavar="NAME", autocompletion=parser_names, help="Use this parser."
    ),
]
#: What `parsekit.batch.inputs.expand` reads.
Replays = Annotated[
    list[str],
    typer.Argument(
        metavar="PATH",
        help="Files, folders (searched for .replay files), globs, fsspec URLs, or -.",
    ),
]
ListKind = Annotated[ListFormat, typer.Option("--format", "-f", help="For people or programs.")]


def have_service_read(config: Path | None) -> None:
    """Call this before `parsekit.worker` is imported, which reads its configuration then."""
    from parsekit.config.file import ENV_FILE  # noqa: PLC0415  (pydantic)

    if config is not None:
        os.environ[ENV_FILE] = str(config)


def have_caller_read(config: Path | None) -> None:
    """The same for a command that calls the service; says which file that is."""
    from parsekit.config.file import print_remarks  # noqa: PLC0415  (pydantic)

    print_remarks(config)
    have_service_read(config)
