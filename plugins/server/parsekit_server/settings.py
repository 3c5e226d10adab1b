"""Section ``server`` of the configuration."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from parsekit import Section


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

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query:
            raise ValueError("is no address of a site; write https://replays.example.org")
        return url.rstrip("/")
