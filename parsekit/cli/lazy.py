"""A command that is known by name and line of help, and imported when it is used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from typer.core import TyperCommand


class RealCommand(Protocol):
    """The part of click's command that starts a run of it."""

    def make_context(self, info_name: str | None, args: list[str], **extra: Any) -> Any:
        """Read the arguments; the context carries the command on from here."""


class LazyCommand(TyperCommand):
    """Stands in the list of commands for one that is not imported before ``load``."""

    def __init__(self, name: str, line: str, load: Callable[[], RealCommand]) -> None:
        super().__init__(name, help=line)
        self.load = load

    def make_context(
        self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any
    ) -> Any:
        """Import the command and hand over to it, for a run, its help and its completions."""
        return self.load().make_context(info_name, args, parent=parent, **extra)
