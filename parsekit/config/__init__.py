"""Configuration: one JSON file, environment variables over it, a typed model for every section."""

from parsekit.config.config import Config
from parsekit.config.load import load_config
from parsekit.config.secret import SecretFile, read_identifier, read_secret
from parsekit.config.settings import (
    AuditSettings,
    CelerySettings,
    FolderSettings,
    HostSettings,
    Limits,
    LogSettings,
    ProvenanceSettings,
    RecordSettings,
    Section,
)

__all__ = [
    "AuditSettings",
    "CelerySettings",
    "Config",
    "FolderSettings",
    "HostSettings",
    "Limits",
    "LogSettings",
    "ProvenanceSettings",
    "RecordSettings",
    "SecretFile",
    "Section",
    "load_config",
    "read_identifier",
    "read_secret",
]
