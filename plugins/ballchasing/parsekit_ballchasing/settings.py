"""Section `ballchasing` of the configuration."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from parsekit import SecretFile, Section, read_secret
from parsekit.errors import ConfigInvalid

PUBLIC_API = "https://ballchasing.com/api"

#: Where Docker and Kubernetes put a secret of this name.
DEFAULT_TOKEN_FILE = Path("/run/secrets/ballchasing_token")

#: Real tokens are some 40 characters; anything much longer is another file.
_MAX_TOKEN_CHARS = 512


class BallchasingSettings(
    Section,
    json_schema_extra={
        "examples": [
            {
                "token_file": "/run/secrets/ballchasing_token",
                "maxRetries": 4,
                "backoffFactor": 4,
                "visibility": "unlisted",
                "deadline": 1800,
            },
            {
                "url": "http://127.0.0.1:8585/api",
                "allow_http": True,
                "ca_file": "/etc/parsekit/ca.pem",
            },
        ]
    },
):
    """Section `ballchasing`: the remote parser of ballchasing.com."""

    max_retries: Annotated[int, Field(ge=1, le=10)] = Field(
        4, alias="maxRetries", description="attempts at each step, the first one counted"
    )
    backoff_factor: Annotated[float, Field(ge=1, le=60)] = Field(
        4, alias="backoffFactor", description="f in the delays 0, f, f², f³ … seconds"
    )
    allow_http: bool = Field(
        False, description="let `url` be http:// to another machine, the token unencrypted"
    )
    url: str = Field(
        PUBLIC_API, description="root of the API, so that a simulator or proxy can stand in"
    )
    token_file: SecretFile = Field(
        None,
        description="file with the API token, which any `url` but the public one needs; "
        f"default {DEFAULT_TOKEN_FILE}",
    )
    visibility: Literal["public", "unlisted", "private"] = Field(
        "private", description="who may see uploaded replays on the site"
    )
    deadline: Annotated[float, Field(gt=0)] = Field(
        900, description="longest time for a replay to leave `pending`, or to be uploaded, seconds"
    )

    ca_file: Path | None = Field(
        None, description="PEM file of the authorities to trust instead of the public ones"
    )

    @field_validator("ca_file")
    @classmethod
    def _usable_authorities(cls, path: Path | None) -> Path | None:
        if path is None:
            return None
        import ssl  # noqa: PLC0415  (costs milliseconds, few need it)

        file = path.expanduser()
        try:
            ssl.create_default_context(cafile=file)
        except ssl.SSLError:
            raise ValueError(f"{path} holds no certificate; name a PEM file") from None
        except OSError as exc:
            raise ValueError(f"can't read {path}: {(exc.strerror or str(exc)).lower()}") from None
        return file

    @field_validator("url")
    @classmethod
    def _usable_url(cls, url: str, info: ValidationInfo) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("is no web address; use one such as https://ballchasing.com/api")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("holds more than an address; leave out user, password, ? and #")
        allowed = info.data.get("allow_http")
        if parts.scheme == "http" and not allowed and not _is_this_machine(parts.hostname):
            raise ValueError(
                "would send the token unencrypted to another machine; use https, or set "
                "ballchasing.allow_http to true where nobody else listens"
            )
        return url.rstrip("/")

    def secret_files(self) -> Mapping[str, Path]:
        """Where the token is, named or not; one that is not named is for the public API alone."""
        if self.token_file is not None:
            return {"token_file": self.token_file}
        return {"token_file": DEFAULT_TOKEN_FILE} if self.url == PUBLIC_API else {}

    def check_secrets(self) -> None:
        """Read the token."""
        self.read_token()

    def read_token(self) -> SecretStr:
        """Read the token now, as it may change while a service runs.

        Raises `ConfigInvalid` with the path, never with the content.
        """
        path = self.secret_files().get("token_file")
        if path is None:
            raise ConfigInvalid(
                f"ballchasing.token_file: is not set, and a token that is only found goes to "
                f"{PUBLIC_API} alone; name the file whose token {self.url} may have"
            )
        token = read_secret(path, "ballchasing.token_file")
        text = token.get_secret_value()
        if len(text) > _MAX_TOKEN_CHARS or not text.isascii() or not _is_one_word(text):
            raise ConfigInvalid(
                f"ballchasing.token_file: {path} holds no API token; "
                "put the one word from https://ballchasing.com/upload into it"
            )
        return token


def _is_one_word(text: str) -> bool:
    return text.isprintable() and " " not in text


def _is_this_machine(host: str) -> bool:
    """Names below ``localhost`` are left out: some resolvers ask a server of names for them."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
