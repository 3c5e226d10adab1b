"""What a configuration names, held against what plugins bring and this machine has."""

from __future__ import annotations

from collections.abc import Iterator

from parsekit.config import Config, Section
from parsekit.config.problems import Problem
from parsekit.errors import ConfigInvalid
from parsekit.host.discovery import reason_of
from parsekit.host.host import Host


def wrong_choices(config: Config, host: Host) -> Iterator[Problem]:
    """Each key that names a parser or a storage that nothing brings."""
    for key, name in _parsers(config):
        if missing := host.parsers.missing(name, host.failed):
            yield Problem(key, missing)
    if missing := host.storages.missing(config.storage_name, host.failed):
        yield Problem("storage", missing)


def missing_secrets(config: Config, host: Host) -> list[str]:
    """What each section that is in use lacks on this machine; see `Section.check_secrets`.

    The section of a parser or a storage is in use where the configuration picks that one.
    """
    picked = {config.storage_name, *(name for _, name in _parsers(config))}
    provided = {name for registry in (host.parsers, host.storages) for name, _ in registry.items()}
    found: list[str] = []
    for name, section in config.sections.items():
        if isinstance(section, Section) and (name in picked or name not in provided):
            try:
                section.check_secrets()
            except ConfigInvalid as exc:
                found += exc.problems
            except Exception as exc:  # noqa: BLE001  (a plugin may raise anything; it is named)
                found.append(
                    f"{name}: its plugin can't say which secrets it needs: {reason_of(exc)}"
                )
    return found


def _parsers(config: Config) -> Iterator[tuple[str, str]]:
    yield "parser", config.host.parser
    for place, name in enumerate(config.host.fallback):
        yield f"fallback.{place}", name
    if config.host.shadow:
        yield "shadow", config.host.shadow
