"""Every command of the command line, in the order of ``parsekit --help``.

A command's module has a ``typer.Typer`` named ``app``; it is imported when the command is used.
Other distributions add commands through the entry-point group ``parsekit.commands``: a name, and
a plain annotated function with a docstring.
"""

from __future__ import annotations

from functools import partial
from importlib import import_module, metadata

import typer
from typer.core import TyperCommand

from parsekit.cli.lazy import LazyCommand, RealCommand
from parsekit.errors import PluginFailed

#: Entry points of this group become commands.
GROUP = "parsekit.commands"
#: Name and line of help; the module is `parsekit.cli` with the name, dashes as underscores.
COMMANDS = (
    ("parse", "Parse replays: files, folders, globs, URLs, or - for standard input."),
    ("plugins", "List every plugin, what it provides, and why one failed to load."),
    ("config", "Show, check or describe the configuration."),
    ("doctor", "Try each component that the configuration names, and say what to do."),
    ("compare", "Compare a parser with its shadow, field by field, over many replays."),
    ("analytics", "Success, cache hits, errors and timings of the replays so far."),
    ("worker", "Run the service: take tasks, parse, store, answer."),
    ("top", "Watch the service: workers, queues, rates, budget, what waits and why."),
    ("submit", "Send replays to the service; local files are uploaded first."),
    ("cancel", "End tasks of the service."),
    ("dead-letters", "Look at requests that were put aside, retry or drop them."),
    ("health", "Say whether the workers of this machine are well."),
)


def all_commands() -> dict[str, TyperCommand]:
    """Own commands first, then those of other distributions, which never replace an own one."""
    commands: dict[str, TyperCommand] = {
        name: LazyCommand(name, line, partial(_load_own, name)) for name, line in COMMANDS
    }
    for entry in sorted(metadata.entry_points(group=GROUP), key=lambda entry: entry.name):
        line = f"Added by {_distribution(entry)}."
        commands.setdefault(entry.name, LazyCommand(entry.name, line, partial(_load_added, entry)))
    return commands


def _load_own(name: str) -> RealCommand:
    module = import_module(f"parsekit.cli.{name.replace('-', '_')}")
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
