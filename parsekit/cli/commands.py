"""Every command of the command line, in the order of ``parsekit --help``.

A command's module has a ``typer.Typer`` named ``app``; it is imported when the command is used.
Other distributions add commands through the entry-point group ``parsekit.commands``: a name, and
a plain annotated function with a docstring.
"""

from __future__ import annotations

from functools import partial
from importlib import import_module, metadata
from typing import NamedTuple

import typer
from typer.core import TyperCommand

from parsekit.cli.lazy import LazyCommand, RealCommand
from parsekit.errors import ConfigInvalid, PluginFailed

#: Entry points of this group become commands.
GROUP = "parsekit.commands"


class Own(NamedTuple):
    """A command of parsekit itself; ``extra`` brings the libraries that it needs."""

    name: str
    line: str
    module: str
    extra: str | None = None


COMMANDS = (
    Own(
        "parse",
        "Parse replays: files, folders, globs, URLs, or - for standard input.",
        "parsekit.cli.parse",
    ),
    Own(
        "plugins",
        "List every plugin, what it provides, and why one failed to load.",
        "parsekit.cli.plugins",
    ),
    Own("config", "Show, check or describe the configuration.", "parsekit.cli.config"),
)


def all_commands() -> dict[str, TyperCommand]:
    """Own commands first, then those of other distributions, which never replace an own one."""
    commands: dict[str, TyperCommand] = {
        own.name: LazyCommand(own.name, own.line, partial(_load_own, own)) for own in COMMANDS
    }
    for entry in sorted(metadata.entry_points(group=GROUP), key=lambda entry: entry.name):
        line = f"Added by {_distribution(entry)}."
        commands.setdefault(entry.name, LazyCommand(entry.name, line, partial(_load_added, entry)))
    return commands


def _load_own(own: Own) -> RealCommand:
    try:
        module = import_module(own.module)
    except ModuleNotFoundError as exc:
        if own.extra is None or (exc.name or "").startswith("parsekit."):
            raise
        raise ConfigInvalid(
            f"{own.name}: needs {exc.name}, which is not installed; "
            f"run pip install 'parsekit[{own.extra}]'"
        ) from exc
    return typer.main.get_command(module.app)


def _load_added(entry: metadata.EntryPoint) -> RealCommand:
    try:
        app = typer.Typer(add_completion=False)
        app.command(entry.name)(entry.load())
        return typer.main.get_command(app)
    except (Exception, SystemExit) as exc:
        raise PluginFailed(
            f"{entry.name}: the command of {_distribution(entry)} can't be loaded: "
            f"{type(exc).__name__}: {exc}; update or remove {_distribution(entry)}"
        ) from exc


def _distribution(entry: metadata.EntryPoint) -> str:
    return entry.dist.name if entry.dist else entry.value
