"""Section `minio` of the configuration."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path

from pydantic import Field, field_validator, model_validator

from parsekit import SecretFile, Section, checked_key
from parsekit.errors import BadRequest
from parsekit_storage_minio.credentials import read_credentials

#: Where Docker and Kubernetes put secrets, under the names that MinIO's images use too.
SECRET_FOLDER = Path("/run/secrets")
_ACCESS_NAMES = ("minio_access_key", "access_key")
_SECRET_NAMES = ("minio_secret_key", "secret_key")

_HOSTNAME = re.compile(
    r"(?:(?P<scheme>https?)://)?(?P<host>[A-Za-z0-9._-]+|\[[0-9a-fA-F:]+\])(?P<port>:\d{1,5})?/?"
)
#: A host that ends so is read as an address of IPv4, or as a wrong one (WHATWG's URL standard).
_NUMBER = re.compile(r"\d+|0[xX][0-9a-fA-F]*")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,62}")


class MinioSettings(
    Section,
    json_schema_extra={
        "examples": [
            {
                "hostname": "https://minio.example.org",
                "bucket": "replays",
                "parsed_object_prefix": "parsed",
                "secure": True,
                "access_key_file": "/run/secrets/minio_access_key",
                "secret_key_file": "/run/secrets/minio_secret_key",
                "ca_file": "/etc/parsekit/ca.pem",
                "region": "eu-central-1",
            }
        ]
    },
):
    """Where the store is, and how to be let in; secrets stand in files."""

    hostname: str | None = Field(
        None, description="`host:port` (without TLS unless `secure`), or a http(s) URL"
    )
    bucket: str = Field("replays", description="bucket of replays and results")
    parsed_object_prefix: str = Field("parsed", description="folder of results in the bucket")
    secure: bool | None = Field(None, description="speak TLS; default as the URL says, else not")
    access_key_file: SecretFile = Field(
        None, description=f"file with the id of the key; default one in {SECRET_FOLDER}, else AWS_*"
    )
    secret_key_file: SecretFile = Field(
        None, description=f"file with the key itself; default one in {SECRET_FOLDER}, else AWS_*"
    )
    ca_file: Path | None = Field(
        None,
        description="PEM file of the certificate authority to trust besides the public ones",
    )
    region: str = Field("us-east-1", description="region that requests are signed for")

    @field_validator("hostname")
    @classmethod
    def _is_an_address(cls, value: str | None) -> str | None:
        if value is not None and not _is_address(value):
            raise ValueError(f"{value!r} is no address; write host:port or https://host:port")
        return value

    @field_validator("ca_file")
    @classmethod
    def _is_found_at_home(cls, path: Path | None) -> Path | None:
        return path.expanduser() if path is not None else None

    @field_validator("bucket")
    @classmethod
    def _is_a_bucket(cls, value: str) -> str:
        if not _BUCKET.fullmatch(value):
            raise ValueError(f"{value!r} is no bucket name; use 3 to 63 letters, digits, '.', '-'")
        return value

    @field_validator("parsed_object_prefix")
    @classmethod
    def _is_a_folder(cls, value: str) -> str:
        try:
            return checked_key(value.strip("/")) if value.strip("/") else ""
        except BadRequest as exc:
            raise ValueError(exc.message) from exc

    @model_validator(mode="after")
    def _agrees_on_tls(self) -> MinioSettings:
        if self.secure and self.hostname and self.hostname.startswith("http://"):
            raise ValueError("secure is true, but hostname begins with http://; write https://")
        if self.secure is False and self.hostname and self.hostname.startswith("https://"):
            raise ValueError("secure is false, but hostname begins with https://; drop one")
        return self

    def secret_files(self, folder: Path | None = None) -> Mapping[str, Path]:
        """Where the keys are, named or found in ``folder`` (default `SECRET_FOLDER`)."""
        folder = folder or SECRET_FOLDER
        files = {
            "access_key_file": self.access_key_file or _first(folder, _ACCESS_NAMES),
            "secret_key_file": self.secret_key_file or _first(folder, _SECRET_NAMES),
        }
        return {key: path for key, path in files.items() if path is not None}

    def check_secrets(self) -> None:
        """Read both keys, wherever they are."""
        read_credentials(self)

    @property
    def endpoint(self) -> str | None:
        """The store's URL without a slash at its end; None when no hostname was given."""
        if self.hostname is None:
            return None
        address = self.hostname.rstrip("/")
        if "://" in address:
            return address
        return f"{'https' if self.secure else 'http'}://{address}"


def _is_address(text: str) -> bool:
    """Whether all who read it see the same host and a port that there is."""
    found = _HOSTNAME.fullmatch(text)
    if found is None or not 0 < int((found["port"] or ":1")[1:]) < 2**16:
        return False
    host = found["host"]
    if not host.startswith("[") and not _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):
        return ".." not in host
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _first(folder: Path, names: tuple[str, ...]) -> Path | None:
    try:
        return next((folder / name for name in names if (folder / name).is_file()), None)
    except PermissionError:  # the folder of somebody else's secrets
        return None
