"""Configuration: one JSON file, environment variables over it, a typed model for every section."""

from parsekit.config.effective import Config
from parsekit.config.load import load_config
from parsekit.config.secret import SecretFile, read_secret
from parsekit.config.settings import (
    CelerySettings,
    FolderSettings,
    HostSettings,
    Limits,
    Section,
)

__all__ = [
    "CelerySettings",
    "Config",
    "FolderSettings",
    "HostSettings",
    "Limits",
    "SecretFile",
    "Section",
    "load_config",
    "read_secret",
]
