"""The top of the command line: its own options, the commands, and what becomes of an error."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup, TyperOption

from parsekit.cli.command_list import CommandList, all_commands
from parsekit.cli.excepthooks import install_excepthooks
from parsekit.cli.exit import guarded

app = typer.Typer(
    name="parsekit",
    cls=CommandList,
    no_args_is_help=True,
    # help in plain text, here and of each command: to draw boxes takes longer than all the rest
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _shown_type(option: TyperOption, ctx: Any) -> str | None:
    """What help says that an option takes: nothing for a switch, ``<int>`` for a range of them."""
    if option.metavar is not None:
        return option.metavar
    return None if option.is_flag else option.display_type(ctx).replace(" range>", ">")


# typer has no setting for it, and says <bool> for switches, and <int range> of numbers
setattr(TyperOption, "display_type_rich", _shown_type)  # noqa: B010


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415

        typer.echo(f"parsekit {version('parsekit')}")
        raise typer.Exit


@app.callback(epilog="Exit codes: 0 all well, 1 a replay failed, 2 usage, 130 Ctrl-C.")
def parsekit(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Statistics from Rocket League replays."""


def run() -> int:
    """Run one command line; the answer is the exit code."""
    install_excepthooks()
    return guarded(lambda: command_group(sys.argv[1:]).main(prog_name="parsekit"))


def command_group(arguments: Sequence[str] = ()) -> TyperGroup:
    """The top-level command with all that are installed, or all that these ``arguments`` need."""
    group = typer.main.get_command(app)
    if not isinstance(group, TyperGroup):
        raise TypeError("typer made no group of the top-level command")
    group.commands.update(all_commands(arguments))
    return group
