"""The host: one pluggy manager, with every plugin called alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import EntryPoint, version
from typing import TYPE_CHECKING, Any, TypeVar

import pluggy

from parsekit import hookspecs
from parsekit.config.config import HOST_SECTIONS
from parsekit.errors import ConfigInvalid
from parsekit.host.discovery import (
    LOAD_SECONDS,
    Found,
    PluginFault,
    discover,
    load,
    reason_of,
    within,
)
from parsekit.host.page import GuardedPage
from parsekit.host.plugin_info import PIP_NAMES, PluginRecord, install_hint
from parsekit.host.registry import Registry
from parsekit.host.section_rules import refuse_without_defaults
from parsekit.providers import NUMBERED, Page, ParserEntry, StorageEntry

if TYPE_CHECKING:
    from pydantic import BaseModel

#: The host's own plugins come through the same hooks as everyone's.
DEFAULT_PLUGINS = {
    "folder": "parsekit.storage.folder_plugin",
    "analytics-file": "parsekit.records.analytics_file:AnalyticsFile",
    "audit-file": "parsekit.records.audit_file:AuditFile",
    "differences-file": "parsekit.shadow.differences_file:DifferencesFile",
}
_HOOKS = tuple(name for name in vars(hookspecs) if name.startswith("parsekit_"))
#: What a plugin may do beside its parsers and storages, in words, and the hook of each.
_ALSO_PROVIDED = {
    "progress": "parsekit_progress",
    "waits": "parsekit_waits",
    "analytics": "parsekit_analytics",
    "audit": "parsekit_audit",
    "difference": "parsekit_difference",
    "metrics": "parsekit_metrics",
    "checks": "parsekit_register_checks",
    "page": "parsekit_page",
    "open": "parsekit_open",
}
#: Sections that known plugins own: the seed's file loads although its plugins are not installed.
_KNOWN_SECTIONS = ("ballchasing", "local", "minio", "transport")


E = TypeVar("E", ParserEntry, StorageEntry)


class Host:
    """Plugins that were found, the providers they brought, and the listeners among them."""

    def __init__(self, load_seconds: float = LOAD_SECONDS) -> None:
        self.parsers: Registry[ParserEntry] = Registry("parser")
        self.storages: Registry[StorageEntry] = Registry("storage")
        self._sections: Registry[type[BaseModel]] = Registry("section")
        for name, model in HOST_SECTIONS.items():
            self._sections.add(name, model, "parsekit")
        self._load_seconds = load_seconds
        self._records: dict[str, PluginRecord] = {}
        #: Name to cause, of the plugins that can't be used.
        self.failed: dict[str, str] = {}
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)

    @classmethod
    def load(
        cls, environ: Mapping[str, str] = os.environ, *, load_seconds: float = LOAD_SECONDS
    ) -> Host:
        """Load the defaults and every installed plugin; a broken one is named in `plugins`."""
        host = cls(load_seconds)
        own = version("parsekit")
        for name, module in DEFAULT_PLUGINS.items():
            point = EntryPoint(name, module, hookspecs.PROJECT)
            host._admit(load(point, load_seconds, distribution=("parsekit", own)))
        for found in discover(environ, load_seconds):
            host._admit(found)
        return host

    def register(self, plugin: object, name: str) -> None:
        """Add a plugin object that is no entry point, such as a driver's own listener.

        Raises `PluginFault` when it can't be used.
        """
        record = self._admit(Found(name=name, distribution="", version="", plugin=plugin))
        if record.error is not None:
            raise PluginFault(f"plugin {name!r}: {record.error}")

    @property
    def plugins(self) -> tuple[PluginRecord, ...]:
        """Every plugin that was found or asked for, the broken ones with the cause."""
        return tuple(self._records.values())

    @property
    def sections(self) -> dict[str, type[BaseModel]]:
        """Configuration sections and their models."""
        return dict(self._sections.items())

    @property
    def absent_sections(self) -> dict[str, str]:
        """Sections of known plugins that are not loaded, and the distribution that brings each."""
        return {name: PIP_NAMES[name] for name in _KNOWN_SECTIONS if name not in self._sections}

    def parser_entry(self, name: str) -> ParserEntry:
        """The parser of this name. Raises `ConfigInvalid` naming the known ones."""
        return self.parsers.pick(name, self.failed)

    def owner_of_parser(self, name: str) -> PluginRecord:
        """The plugin that brought this parser."""
        return self._records[self.parsers.owner(name)]

    def check_parsers(self, parser: str, fallback: Iterable[str]) -> None:
        """Raise `ConfigInvalid` for a name that nothing brings.

        A fallback whose plugin is broken is no obstacle: the parser before it may well answer.
        """
        self.parser_entry(parser)
        for name in fallback:
            if name not in self.failed:
                self.parser_entry(name)

    def storage_entry(self, name: str) -> StorageEntry:
        """The storage of this name. Raises `ConfigInvalid` naming the known ones."""
        return self.storages.pick(name, self.failed)

    def page_maker(self) -> Callable[[], Page]:
        """What begins a page of matches. Raises `ConfigInvalid` where no plugin does.

        What it answers, and each page's members, raise `PluginFailed` with the plugin's name.
        """
        for name, begin in self.listeners("parsekit_page"):
            return lambda: GuardedPage(name, begin)
        raise ConfigInvalid(f"no plugin writes pages{install_hint('report')}")

    def listeners(self, hook: str) -> list[tuple[str, Callable[..., Any]]]:
        """Plugin name and function of every implementation of a listener hook."""
        impls = getattr(self._manager.hook, hook).get_hookimpls()
        return [(impl.plugin_name, _by_name(impl)) for impl in impls]

    def _admit(self, found: Found) -> PluginRecord:
        error = found.error
        key = (
            found.name
            if found.name not in self._records
            else f"{found.name} ({found.distribution})"
        )
        if error is None:
            try:
                within(self._load_seconds, lambda: self._register(found))
            except BaseException as exc:  # noqa: BLE001  (a plugin may raise anything)
                error = reason_of(exc)
                self._forget(found)
        record = PluginRecord(
            name=found.name,
            distribution=found.distribution,
            version=found.version,
            default=found.name in DEFAULT_PLUGINS,
            provides=self._provides(found.name) if error is None else (),
            error=error,
            import_ms=found.import_ms,
        )
        self._records[key] = record
        if error is not None:
            self.failed[found.name] = error
        return record

    def _register(self, found: Found) -> None:
        if found.name in self._records:
            raise PluginFault("a plugin of this name is already loaded")
        _refuse_unmarked(found.plugin)
        self._manager.register(found.plugin, name=found.name)
        self._refuse_unknown_hooks(found.plugin)
        self._collect(found)

    def _collect(self, found: Found) -> None:
        """Let this plugin, alone, offer what it has."""
        offers: dict[str, Callable[..., None]] = {
            "parsekit_register_sections": lambda name, model: self._add_section(
                name, model, found.name
            ),
            "parsekit_register_storages": lambda entry: self._offer(
                self.storages, StorageEntry, entry, found.name
            ),
            "parsekit_register_parsers": lambda entry: self._offer_parser(entry, found.name),
        }
        for hook, register in offers.items():
            for name, function in self.listeners(hook):
                if name == found.name:
                    function(register=register)

    def _offer_parser(self, entry: ParserEntry, owner: str) -> None:
        self._offer(self.parsers, ParserEntry, entry, owner)
        if not NUMBERED.match(entry.version):
            raise PluginFault(
                f"registers parser {entry.name!r} with version {entry.version!r}; begin it with a "
                "number, as callers read it with parseFloat"
            )

    def _offer(
        self, registry: Registry[E], kind: type[ParserEntry | StorageEntry], entry: E, owner: str
    ) -> None:
        if not isinstance(entry, kind):
            raise PluginFault(f"registers {entry!r}, want a {kind.__name__}")
        registry.add(entry.name, entry, owner)
        if entry.settings is not None and entry.name not in self._sections.owned("parsekit"):
            self._add_section(entry.name, entry.settings, owner)

    def _add_section(self, name: str, model: type[BaseModel], owner: str) -> None:
        self._sections.add(name, model, owner)
        refuse_without_defaults(name, model)

    def _refuse_unknown_hooks(self, plugin: object) -> None:
        for caller in self._manager.get_hookcallers(plugin) or []:
            if not caller.has_spec():
                raise PluginFault(
                    f"implements the unknown hook {caller.name!r}; known: {', '.join(_HOOKS)}"
                )

    def _forget(self, found: Found) -> None:
        if self._manager.has_plugin(found.name) and found.name not in self._records:
            self._manager.unregister(name=found.name)
            for registry in (self.parsers, self.storages, self._sections):
                registry.drop(found.name)

    def _provides(self, name: str) -> tuple[str, ...]:
        offered = [f"parser {n}" for n in self.parsers.owned(name)]
        offered += [f"storage {n}" for n in self.storages.owned(name)]
        offered += [words for words, hook in _ALSO_PROVIDED.items() if self._implements(name, hook)]
        return tuple(offered)

    def _implements(self, name: str, hook: str) -> bool:
        return any(owner == name for owner, _ in self.listeners(hook))


def _by_name(impl: Any) -> Callable[..., Any]:
    """Call an implementation with the arguments it asks for, as pluggy does."""
    return lambda **given: impl.function(*(given[name] for name in impl.argnames))


def _refuse_unmarked(plugin: object) -> None:
    """A hook without @hookimpl would never be called, and its author would never know."""
    marker = f"{hookspecs.PROJECT}_impl"
    for name in _HOOKS:
        function = getattr(plugin, name, None)
        if callable(function) and not hasattr(function, marker):
            raise PluginFault(f"{name} lacks @parsekit.hookimpl")
