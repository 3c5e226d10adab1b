"""Make the storage that the configuration names."""

from __future__ import annotations

from pathlib import Path

from parsekit.config import Config
from parsekit.errors import ParsekitError, PluginFailed
from parsekit.host.host import Host
from parsekit.host.loading import resolve
from parsekit.providers import ProviderContext, Storage
from parsekit.redaction.secrets import short


def make_storage(host: Host, config: Config, data_dir: Path) -> Storage:
    """The storage in force, for this process.

    Raises `ConfigInvalid` for an unknown name, `PluginFailed` when its plugin fails to make it.
    """
    entry = host.storage_entry(config.storage_name)
    context = ProviderContext.of(config, entry, data_dir)
    try:
        storage: Storage = resolve(entry.create)(context)
    except ParsekitError:
        raise
    except Exception as exc:
        text = short(f"{type(exc).__name__}: {exc}", 500)
        raise PluginFailed(f"storage {entry.name!r} can't be made: {text}") from exc
    return storage
