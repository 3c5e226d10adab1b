"""Providers by name; a name belongs to the first who takes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

from parsekit.config.problems import nearest
from parsekit.errors import ConfigInvalid
from parsekit.host.discovery import PluginFault
from parsekit.host.plugin_info import install_hint

E = TypeVar("E")


class Registry(Generic[E]):
    """Entries of one kind ("parser", "storage", "section") and the plugin that brought each."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, tuple[E, str]] = {}

    def add(self, name: str, entry: E, owner: str) -> None:
        """Take the name. Raises `PluginFault` naming both owners when it is taken."""
        if not name:
            raise PluginFault(f"registers a {self.kind} without a name")
        if name in self._entries:
            taken = self._entries[name][1]
            raise PluginFault(f"{self.kind} {name!r} is already registered by plugin {taken!r}")
        self._entries[name] = (entry, owner)

    def drop(self, owner: str) -> None:
        """Forget what this plugin brought."""
        self._entries = {n: e for n, e in self._entries.items() if e[1] != owner}

    def pick(self, name: str, failed: Mapping[str, str]) -> E:
        """The entry of this name. Raises `ConfigInvalid` with what `missing` says."""
        if missing := self.missing(name, failed):
            raise ConfigInvalid(missing)
        return self._entries[name][0]

    def missing(self, name: str, failed: Mapping[str, str]) -> str | None:
        """Why there is no entry of this name, and what to write instead; None when there is one.

        ``failed`` maps the plugins that failed to the cause.
        """
        if name in self._entries:
            return None
        if why := self._why_absent(name, failed):
            why = f"; known: {', '.join(sorted(self._entries)) or 'none'}{why}"
        return f"{self.kind} {name!r} is unknown{why or nearest(name, tuple(self._entries))}"

    def _why_absent(self, name: str, failed: Mapping[str, str]) -> str:
        """A name that is spelt right has another reason; "" for any other."""
        return f"; plugin {name!r} failed: {failed[name]}" if name in failed else install_hint(name)

    def owner(self, name: str) -> str:
        """The plugin that brought this name, which is known."""
        return self._entries[name][1]

    def owned(self, owner: str) -> list[str]:
        """Names that this plugin brought."""
        return [name for name, (_, by) in self._entries.items() if by == owner]

    def items(self) -> Iterator[tuple[str, E]]:
        """Every name with its entry, sorted."""
        return ((name, self._entries[name][0]) for name in sorted(self._entries))

    def __contains__(self, name: object) -> bool:
        return name in self._entries
