"""The configuration as it is in force, with where each value came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import BaseModel

from parsekit.config.redis_address import redis_py_url
from parsekit.config.settings import (
    AuditSettings,
    CelerySettings,
    FolderSettings,
    HostSettings,
    Limits,
    LogSettings,
    ProvenanceSettings,
    RecordSettings,
)

S = TypeVar("S", bound=BaseModel)

#: Sections that the host itself reads.
HOST_SECTIONS: Mapping[str, type[BaseModel]] = {
    "audit": AuditSettings,
    "celery": CelerySettings,
    "folder": FolderSettings,
    "limits": Limits,
    "logs": LogSettings,
    "provenance": ProvenanceSettings,
    "records": RecordSettings,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Validated settings. Dotted key to origin in ``origins``; what has no origin is a default.

    ``present`` names the sections that the operator wrote; ``absent_plugins`` maps a section that
    was written, but whose plugin is not installed, to what would bring it.
    """

    host: HostSettings = field(default_factory=HostSettings)
    sections: Mapping[str, BaseModel] = field(
        default_factory=lambda: {name: model() for name, model in HOST_SECTIONS.items()}
    )
    origins: Mapping[str, str] = field(default_factory=dict)
    present: frozenset[str] = frozenset()
    absent_plugins: Mapping[str, str] = field(default_factory=dict)

    def section(self, model: type[S]) -> S:
        """The section of this type. Raises KeyError when no plugin declared it."""
        for value in self.sections.values():
            if isinstance(value, model):
                return value
        raise KeyError(model.__name__)

    @property
    def limits(self) -> Limits:
        """The section `limits`."""
        return self.section(Limits)

    @property
    def storage_name(self) -> str:
        """The storage in force: named, or `minio` with a minio section, or `folder`."""
        if self.host.storage is not None:
            return self.host.storage
        return "minio" if "minio" in self.present else "folder"

    @property
    def redis_url(self) -> str | None:
        """A Redis that all workers of this deployment share, as redis-py wants its address.

        None where the configuration names none.
        """
        url = self.section(CelerySettings).backend_url
        return None if url is None else redis_py_url(url)
