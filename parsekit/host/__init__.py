"""The plugin host: finds plugins, keeps them from hurting each other, picks providers by name."""

from parsekit.host.host import Host
from parsekit.host.plugin_info import PluginRecord

__all__ = ["Host", "PluginRecord"]
