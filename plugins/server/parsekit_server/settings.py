"""Section ``server`` of the configuration."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from parsekit import SecretFile, Section, read_secret


class ServerSettings(Section):
    """Where `parsekit serve` listens, and what it keeps its catalogue in."""

    host: str = Field("127.0.0.1", description="address to listen on")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(
        8420, description="port to listen on; 0 takes a free one"
    )
    url: str | None = Field(
        None,
        description="address that clients use, for links in answers; default that of the request",
    )

    database: SecretStr | None = Field(
        None,
        description="PostgreSQL of the catalogue, postgresql://user@host/name; "
        "default SQLite in the data folder",
    )
    database_password_file: SecretFile = Field(
        None, description="file with the password, where the address has none"
    )

    @field_validator("database")
    @classmethod
    def _is_postgresql(cls, database: SecretStr | None) -> SecretStr | None:
        # the message never repeats the value, as it may hold a password
        if database is not None and urlsplit(database.get_secret_value()).scheme != "postgresql":
            raise ValueError("is no PostgreSQL address; write postgresql://user@host/name")
        return database

    reserve_bytes: Annotated[int, Field(ge=0)] = Field(
        256 * 1024 * 1024,
        description="free space of the disk below which the server is read-only",
    )

    def check_secrets(self) -> None:
        """Read the password."""
        self.database_password()

    def database_password(self) -> SecretStr | None:
        """The password of the database; None where no file is named. Raises `ConfigInvalid`."""
        if self.database_password_file is None:
            return None
        return read_secret(self.database_password_file, "server.database_password_file")

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query:
            raise ValueError("is no address of a site; write https://replays.example.org")
        return url.rstrip("/")
