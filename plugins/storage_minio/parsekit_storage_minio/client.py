"""What the storage needs of a library that speaks S3, and how each library is told about the store.

A client makes one request a call and never repeats it: trying again is `patience`'s.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from parsekit import ObjectInfo
from parsekit.errors import ConfigInvalid
from parsekit_storage_minio.credentials import Credentials, read_credentials
from parsekit_storage_minio.settings import MinioSettings

#: Longest wait for a connection, and for the next sign of life of the store.
CONNECT_S = 2.0
SILENCE_S = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The bucket, the way to it and the keys."""

    endpoint: str
    bucket: str
    region: str
    credentials: Credentials
    ca_file: Path | None = None
    ca_pem: bytes | None = None

    @classmethod
    def of(cls, settings: MinioSettings) -> Target:
        """Read what the settings name. Raises `ConfigInvalid`."""
        if settings.endpoint is None:
            raise ConfigInvalid("minio.hostname: is missing; write host:port of the store")
        ca_pem = _authority(settings.ca_file) if settings.ca_file else None
        return cls(
            endpoint=settings.endpoint,
            bucket=settings.bucket,
            region=settings.region,
            credentials=read_credentials(settings),
            ca_file=settings.ca_file,
            ca_pem=ca_pem,
        )


def _authority(path: Path) -> bytes:
    """The certificates in a file, read once: what happens to it later is for the next process."""
    try:
        pem = path.read_bytes()
        ssl.create_default_context(cafile=path)
    except FileNotFoundError as exc:
        raise ConfigInvalid(f"minio.ca_file: there is no file {path}") from exc
    except OSError as exc:
        raise ConfigInvalid(
            f"minio.ca_file: {path} holds no certificate that can be read; name a PEM file"
        ) from exc
    return pem


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """An answer whose body is still on its way; a block comes within ``gap_s`` or not at all."""

    info: ObjectInfo
    blocks: Iterator[bytes]
    gap_s: float


class ObjectClient(Protocol):
    """One bucket. Every method raises `StoreError` for whatever goes wrong, and nothing else.

    A request is given up when its answer is not whole after ``wait_s``, counted from before the
    connection is made; or a second, where that is more. Of a download this is said of the head.
    """

    def head(self, key: str, *, wait_s: float) -> ObjectInfo:
        """Size and ETag."""
        ...

    def get(self, key: str, *, wait_s: float, whole_s: float) -> AbstractContextManager[Download]:
        """Begin a download; its connection is let go at the end of the block, if not before.

        ``whole_s`` is for the whole of it, in a library that can't tell an object from a refusal.
        """
        ...

    def put(self, key: str, body: bytes, *, wait_s: float) -> None:
        """Store in one request."""
        ...

    def create(self, key: str, body: bytes, *, writer: str, wait_s: float) -> None:
        """Store in one request where nothing is, signed with the writer's name; 412 otherwise."""
        ...

    def writer_of(self, key: str, *, wait_s: float) -> str | None:
        """Who created the object, where that was told."""
        ...

    def delete(self, key: str, *, wait_s: float) -> None:
        """Delete in one request."""
        ...


#: Name of the user metadata that tells who created an object.
WRITER = "parsekit-writer"
