"""The names of providers in a configuration, held against what plugins bring."""

from __future__ import annotations

from collections.abc import Iterator

from parsekit.config import Config
from parsekit.config.problems import Problem
from parsekit.host.host import Host


def wrong_choices(config: Config, host: Host) -> Iterator[Problem]:
    """Each key that names a parser or a storage that nothing brings."""
    for key, name in _parsers(config):
        if missing := host.parsers.missing(name, host.failed):
            yield Problem(key, missing)
    if missing := host.storages.missing(config.storage_name, host.failed):
        yield Problem("storage", missing)


def _parsers(config: Config) -> Iterator[tuple[str, str]]:
    yield "parser", config.host.parser
    for place, name in enumerate(config.host.fallback):
        yield f"fallback.{place}", name
    if config.host.shadow:
        yield "shadow", config.host.shadow
