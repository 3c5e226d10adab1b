"""Every command of the command line, in the order of ``parsekit --help``.

A command's module has a ``typer.Typer`` named ``app``; it is imported when the command is used.
Other distributions add commands through the entry-point group ``parsekit.commands``: a name, and
a plain annotated function with a docstring. A name with dots is a command of the command before the
last dot: ``serve.token.add`` is ``parsekit serve token add``.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module, metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import typer
from typer.core import TyperCommand, TyperGroup

from parsekit.cli.added import added_app, shorten_options
from parsekit.cli.options import CommandGroup
from parsekit.errors import PluginFailed

#: Entry points of this group become commands.
GROUP = "parsekit.commands"
#: Name and line of help; the module is `parsekit.cli.commands` with the name, dashes as _.
COMMANDS = (
    ("parse", "Parse replays: files, folders, globs, URLs, or - for standard input."),
    ("events", "What happened in replays, one row an event."),
    ("watch", "Parse what the game writes, as it writes it."),
    ("new", "Write a distribution for a plugin: parser, storage, sink or report."),
    ("plugins", "List every plugin, what it provides, and why one failed to load."),
    ("config", "Show, check or describe the configuration."),
    ("doctor", "Try each component that the configuration names, and say what to do."),
    ("compare", "Compare a parser with its shadow, field by field, over many replays."),
    ("analytics", "Success, cache hits, errors and timings of the replays so far."),
    ("audit", "What happened to a replay or a task, from the audit."),
    ("worker", "Run the service: take tasks, parse, store, answer."),
    ("top", "Watch the service: workers, queues, rates, budget, what waits and why."),
    ("submit", "Send replays to the service; local files are uploaded first."),
    ("cancel", "End tasks of the service."),
    ("dead-letters", "Look at requests that were put aside, retry or drop them."),
    ("health", "Say whether the workers of this machine are well."),
)
#: Commands of our other distributions.
_BROUGHT_BY = {
    "fidelity": "parsekit-local",
    "quota": "parsekit-ballchasing",
    "report": "parsekit-report",
    "serve": "parsekit-server",
}


class CommandList(CommandGroup):
    """The top-level command."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command; of one that is not installed, what brings it."""
        name = args[0]
        if name in _BROUGHT_BY and name not in self.commands:
            brings = _BROUGHT_BY[name]
            ctx.fail(f"No such command '{name}'. It comes with {brings}: pip install {brings}")
        return super().resolve_command(ctx, args)


class RealCommand(Protocol):
    """The part of click's command that starts a run of it."""

    def make_context(self, info_name: str | None, args: list[str], **extra: Any) -> Any:
        """Read the arguments; the context carries the command on from here."""


class LazyCommand(TyperCommand):
    """Stands in the list of commands for one that is not imported before ``load``."""

    def __init__(self, name: str, line: str, load: Callable[[], RealCommand]) -> None:
        super().__init__(name, help=line, short_help=line, rich_markup_mode=None)
        self.load = load

    def make_context(
        self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any
    ) -> Any:
        """Import the command and hand over to it, for a run, its help and its completions."""
        return self.load().make_context(info_name, args, parent=parent, **extra)


class _AddedCommand(LazyCommand):
    """A command of another distribution, with those below it."""

    def __init__(self, entry: metadata.EntryPoint, below: Sequence[metadata.EntryPoint]) -> None:
        super().__init__(entry.name, "", partial(_load_added, entry, below))
        self._entry = entry

    def get_short_help_str(self, limit: int = 0) -> str:
        """Look into its source for the line, now that somebody asks for it."""
        del limit
        return _summary(self._entry)


def all_commands(arguments: Sequence[str] = ()) -> dict[str, TyperCommand]:
    """Own commands first, then those of other distributions, which never replace an own one.

    Where the first of ``arguments`` is an own one, nobody looks for others in every distribution.
    """
    commands: dict[str, TyperCommand] = {
        name: LazyCommand(name, line, partial(_load_own, name)) for name, line in COMMANDS
    }
    if arguments and arguments[0] in commands:
        return commands
    added = sorted(metadata.entry_points(group=GROUP), key=lambda entry: entry.name)
    for entry in added:
        if "." not in entry.name:
            below = [each for each in added if each.name.startswith(f"{entry.name}.")]
            commands.setdefault(entry.name, _AddedCommand(entry, below))
    return commands


def _load_own(name: str) -> RealCommand:
    module = import_module(f"parsekit.cli.commands.{name.replace('-', '_')}")
    command = typer.main.get_command(module.app)
    _show_whole_lines(command)
    return command


def _load_added(entry: metadata.EntryPoint, below: Sequence[metadata.EntryPoint]) -> RealCommand:
    try:
        command = typer.main.get_command(added_app(entry.name, entry.load(), _by_name(below)))
    except (Exception, SystemExit) as exc:
        raise PluginFailed(
            f"{entry.name}: the command of {_distribution(entry)} can't be loaded: "
            f"{type(exc).__name__}: {exc}; update or remove {_distribution(entry)}"
        ) from exc
    shorten_options(command)
    _show_whole_lines(command)
    return command


def _show_whole_lines(command: object) -> None:
    """Have help show the line of each command below this one, which it would cut."""
    if isinstance(command, TyperGroup):
        for each in command.commands.values():
            each.short_help = (each.help or "").partition("\n")[0]
            _show_whole_lines(each)


def _by_name(entries: Sequence[metadata.EntryPoint]) -> dict[str, Callable[..., object]]:
    return {entry.name: entry.load() for entry in entries}


def _summary(entry: metadata.EntryPoint) -> str:
    """The first line of its function's docstring, read from the source: nothing is imported."""
    try:
        statements = ast.parse(_source(entry.module).read_bytes()).body
        [function] = [
            each
            for each in statements
            if isinstance(each, ast.FunctionDef) and each.name == entry.attr
        ]
        return f"{(ast.get_docstring(function) or '').splitlines()[0]} ({_distribution(entry)})"
    except Exception:  # noqa: BLE001  (a package may be anything; its command says more when used)
        return _added_by(entry)


def _source(module: str) -> Path:
    """The file of a module; to ask for that of one in a package imports the package."""
    package, *rest = module.split(".")
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(package)
    return (
        Path(spec.origin).parent.joinpath(*rest).with_suffix(".py") if rest else Path(spec.origin)
    )


def _added_by(entry: metadata.EntryPoint) -> str:
    return f"Added by {_distribution(entry)}."


def _distribution(entry: metadata.EntryPoint) -> str:
    return entry.dist.name if entry.dist else entry.value
