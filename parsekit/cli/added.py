"""Commands of other distributions: plain functions, made into what the command line is made of."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, get_type_hints

import typer

from parsekit.cli.options import CommandGroup

#: Options that are short in our own commands are so in added ones.
_SHORT = {"--config": "-c", "--format": "-f", "--output": "-o", "--parser": "-p"}

Function = Callable[..., object]


def added_app(name: str, function: Function, below: Mapping[str, Function]) -> typer.Typer:
    """Make a command of a function, with those ``below`` it by dotted name.

    A command with others below it runs where none of them is named.
    """
    if not below:
        app = typer.Typer(add_completion=False, rich_markup_mode=None)
        app.command(name)(function)
        return app
    app = typer.Typer(
        name=name, add_completion=False, invoke_without_command=True, rich_markup_mode=None
    )
    app.callback()(_unless_another(function))
    groups = {name: app}
    for dotted, each in below.items():
        parent, _, last = dotted.rpartition(".")
        _group(groups, parent).command(last)(each)
    return app


def shorten_options(command: Any) -> None:
    """Give a command, and those below it, the short options of our own."""
    for option in command.params:
        option.opts += [_SHORT[name] for name in option.opts if name in _SHORT]
    for each in getattr(command, "commands", {}).values():
        shorten_options(each)


def _group(groups: dict[str, typer.Typer], dotted: str) -> typer.Typer:
    """The group of this name, which is made where there is none."""
    if dotted not in groups:
        parent, _, last = dotted.rpartition(".")
        groups[dotted] = typer.Typer(
            name=last, cls=CommandGroup, no_args_is_help=True, rich_markup_mode=None
        )
        _group(groups, parent).add_typer(groups[dotted])
    return groups[dotted]


def _unless_another(function: Function) -> Function:
    """Call the function only where no command below it was named: typer calls it for both."""

    def run(parsekit_context: typer.Context, **options: Any) -> None:
        if parsekit_context.invoked_subcommand is None:
            function(**options)

    (context, _) = inspect.signature(run, eval_str=True).parameters.values()
    own = inspect.signature(function, eval_str=True)
    run.__signature__ = own.replace(parameters=[context, *own.parameters.values()])  # type: ignore[attr-defined]  # how a function says what it takes
    run.__annotations__ = get_type_hints(function) | {context.name: typer.Context}
    run.__doc__ = function.__doc__
    return run
