"""The store's keys: from named files, else where containers keep secrets, else AWS's variables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from parsekit import read_identifier, read_secret
from parsekit.errors import ConfigInvalid

if TYPE_CHECKING:
    from parsekit_storage_minio.settings import MinioSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Keys that sign requests; never shown. ``token`` belongs to temporary keys."""

    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    token: str | None = field(repr=False, default=None)


def read_credentials(
    settings: MinioSettings,
    *,
    folder: Path | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Credentials:
    """Read both keys from the first place that has them.

    Raises `ConfigInvalid` naming the setting and the file that is missing or can't be read.
    """
    files = settings.secret_files(folder)
    access, secret = files.get("access_key_file"), files.get("secret_key_file")
    if access is not None and secret is not None:
        return Credentials(
            access_key=read_identifier(access, "minio.access_key_file"),
            secret_key=read_secret(secret, "minio.secret_key_file").get_secret_value(),
        )
    if settings.access_key_file or settings.secret_key_file:
        missing = "secret_key_file" if secret is None else "access_key_file"
        raise ConfigInvalid(f"minio.{missing}: is missing; both keys come from files, or neither")
    return _from_environment(environ)


def _from_environment(environ: Mapping[str, str]) -> Credentials:
    access, secret = environ.get("AWS_ACCESS_KEY_ID"), environ.get("AWS_SECRET_ACCESS_KEY")
    if not access or not secret:
        raise ConfigInvalid(
            "minio.access_key_file: no keys for the store; name access_key_file and"
            " secret_key_file, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
    return Credentials(
        access_key=access, secret_key=secret, token=environ.get("AWS_SESSION_TOKEN") or None
    )
