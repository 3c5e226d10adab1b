"""What several commands share: arguments, options, and what groups of commands do alike."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from parsekit.cli.completion import parser_names
from parsekit.cli.exit import ExitCode


class CommandGroup(TyperGroup):
    """Commands under one name; who gives that alone gets the help on standard output."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Show the help where it is wanted and no command is named: click's goes to stderr."""
        if not args and self.no_args_is_help and not ctx.resilient_parsing:
            typer.echo(ctx.get_help())
            ctx.exit(ExitCode.USAGE)
        return super().parse_args(ctx, args)


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
