"""Means to test parsekit and its plugins: conformance kits, synthetic replays, servers, faults."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from parsekit.testing.parser import ParserConformance as ParserConformance
    from parsekit.testing.replays.file import believable_match as believable_match
    from parsekit.testing.replays.file import synthetic_replay as synthetic_replay
    from parsekit.testing.replays.file import write_replay as write_replay
    from parsekit.testing.sinks import SinkConformance as SinkConformance
    from parsekit.testing.storage import StorageConformance as StorageConformance

_HOME = {
    "ParserConformance": "parser",
    "SinkConformance": "sinks",
    "StorageConformance": "storage",
    "believable_match": "replays.file",
    "synthetic_replay": "replays.file",
    "write_replay": "replays.file",
}

__all__ = [*_HOME]  # noqa: PLE0604  (names come from one table)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'parsekit.testing' has no attribute {name!r}")
    return getattr(import_module(f"parsekit.testing.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
