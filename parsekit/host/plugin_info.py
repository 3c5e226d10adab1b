"""What is known about one plugin, for `parsekit plugins` and for error messages."""

from __future__ import annotations

from dataclasses import dataclass

from parsekit.model import JsonObject

#: An import slower than this is mentioned: every command of the user waits for it.
SLOW_IMPORT_MS = 500.0

#: Names of providers that are not installed, and the distribution that would bring them.
PIP_NAMES = {
    "ballchasing": "parsekit-ballchasing",
    "local": "parsekit-local",
    "minio": "parsekit-storage-minio",
    "rabbitmq": "parsekit-sinks-rabbitmq",
    "report": "parsekit-report",
    "server": "parsekit-server",
    "transport": "parsekit-sinks-rabbitmq",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginRecord:
    """One plugin that was found or asked for. ``error`` None means that it works."""

    name: str
    distribution: str
    version: str
    default: bool = False
    provides: tuple[str, ...] = ()
    error: str | None = None
    import_ms: float = 0.0

    @property
    def warning(self) -> str | None:
        """What is worth knowing although it works."""
        if self.error is None and self.import_ms > SLOW_IMPORT_MS:
            return f"slow to import: {self.import_ms:.0f} ms"
        return None

    def to_json(self) -> JsonObject:
        """One element of ``parsekit plugins --format json``."""
        return {
            "name": self.name,
            "version": self.version,
            "distribution": self.distribution,
            "provides": list(self.provides),
            "default": self.default,
            "error": self.error,
            "warning": self.warning,
            "importMs": round(self.import_ms, 1),
        }


def install_hint(name: str) -> str:
    """The words that tell how to get a provider, ready to append; "" when nobody knows."""
    return f"; `pip install {PIP_NAMES[name]}` brings it" if name in PIP_NAMES else ""
