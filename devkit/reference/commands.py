"""Every command with its arguments and options, from the command line's own objects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from devkit.reference.markdown import code, prose, table
from parsekit.cli.app import command_group
from parsekit.cli.exit import ExitCode

_INTRODUCTION = """
# Commands

What `parsekit COMMAND --help` says, on one page. [The command line](../cli.md) has examples and
what scripts may rely on.
"""
_EXITS = {
    ExitCode.OK: "all well",
    ExitCode.FAILED: "at least one replay failed, or a component that was asked",
    ExitCode.USAGE: "wrong usage or configuration",
    ExitCode.INTERRUPTED: "ended by Ctrl-C",
    ExitCode.BROKEN_PIPE: "the reader of standard output went away",
}


def page() -> str:
    """The page of all commands, those of our other distributions too."""
    group = command_group()
    parts = [_INTRODUCTION.strip()]
    for name, lazy in group.commands.items():
        parts += _described(f"parsekit {name}", lazy.load(), level=2)  # type: ignore[attr-defined]
    exits = [(str(code.value), _EXITS[code]) for code in ExitCode]
    parts += ["## Exit codes", table(("code", "meaning"), exits)]
    return "\n\n".join(parts)


def _described(line: str, command: Any, level: int) -> Iterator[str]:
    yield f"{'#' * level} {line}"
    below = getattr(command, "commands", {})
    context = command.context_class(command, info_name=line)
    if not below:
        yield f"```text\n{' '.join((line, *command.collect_usage_pieces(context)))}\n```"
    yield prose(command.help)
    rows = [_row(parameter, context) for parameter in command.params if not parameter.hidden]
    if rows:
        yield table(("option", "takes", "default", "meaning"), rows)
    for name, each in below.items():
        yield from _described(f"{line} {name}", each, level + 1)


def _row(parameter: Any, context: Any) -> tuple[str, str, str, str]:
    is_argument = parameter.param_type_name == "argument"
    spelled = [parameter.metavar or parameter.name.upper()] if is_argument else parameter.opts
    names = [*spelled, *parameter.secondary_opts]
    is_switch = getattr(parameter, "is_flag", False)
    takes = "" if is_switch else parameter.metavar or parameter.display_type(context).strip("<>")
    default = "required" if parameter.required else _default(parameter)
    return (
        ", ".join(map(code, names)),
        "" if is_argument else code(takes),
        default,
        _help(parameter),
    )


def _default(parameter: Any) -> str:
    if isinstance(parameter.show_default, str):
        return parameter.show_default
    default = parameter.default
    if default is None or default is False or default == "":
        return ""
    return code(getattr(default, "value", default))


def _help(parameter: Any) -> str:
    return parameter.help or ""
