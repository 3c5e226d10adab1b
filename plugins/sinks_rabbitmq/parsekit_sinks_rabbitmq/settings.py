"""Section ``transport`` of the configuration, and the broker that it names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import BaseModel, Field, SecretStr, ValidationInfo, field_validator, model_validator

from parsekit import SecretFile, Section, check_tls_files, read_secret
from parsekit_sinks_rabbitmq.message import queue_fault

_PORTS = {"amqp": 5672, "amqps": 5671}


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """PEM files for TLS; without ``ca_file`` the system's authorities are trusted."""

    ca_file: Path | None
    certificate_file: Path | None
    key_file: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerAddress:
    """Where RabbitMQ is and who we are there. ``tls`` None means an open connection."""

    host: str
    port: int
    vhost: str
    username: str
    password: SecretStr = field(repr=False)
    tls: TlsFiles | None = None

    def __str__(self) -> str:
        """The address for people, without user and password."""
        scheme = "amqps" if self.tls else "amqp"
        return f"{scheme}://{self.host}:{self.port}/{'' if self.vhost == '/' else self.vhost}"


class TransportSettings(
    Section,
    json_schema_extra={
        "examples": [
            {
                "url": "amqps://rabbitmq:5671",
                "analytics_queue": "analytics",
                "username": "worker",
                "password_file": "/run/secrets/rabbitmq_password",
                "ca_file": "/etc/parsekit/ca.pem",
                "certificate_file": "/etc/parsekit/worker.pem",
                "key_file": "/run/secrets/worker.key",
            }
        ]
    },
):
    """RabbitMQ for progress and analytics. Without ``url`` nothing is sent."""

    url: SecretStr | None = Field(
        None, description="amqp://host:port/vhost, or amqps://; none: analytics go to a file"
    )
    analytics_queue: str = Field("analytics", description="queue of the analytics events")
    username: str | None = Field(None, description="user, where the url names none; default guest")
    password_file: SecretFile = Field(
        None, description="file with the password, where the url has none; default guest"
    )
    ca_file: Path | None = Field(None, description="PEM file of the authorities to trust (amqps)")
    certificate_file: Path | None = Field(None, description="PEM file of our certificate (amqps)")
    key_file: Path | None = Field(None, description="PEM file of its key, if it stands apart")

    @field_validator("url")
    @classmethod
    def _is_amqp(cls, url: SecretStr | None) -> SecretStr | None:
        # The messages never repeat the value, as it may hold a password.
        if url is None:
            return None
        parts, port = _split(url)
        if parts.scheme not in _PORTS or not parts.hostname or port is None:
            raise ValueError("is no RabbitMQ address; write amqp://host:port/vhost")
        if ";" in url.get_secret_value():
            raise ValueError("names several servers; name one")
        if "@" in f"{parts.path}{parts.query}{parts.fragment}":
            raise ValueError("has an @ behind the host; write / ? # @ of a password as %2F %3F …")
        if parts.query or parts.fragment:
            raise ValueError("has options behind '?' or '#', which are not read; remove them")
        return url

    @field_validator("analytics_queue")
    @classmethod
    def _is_a_name(cls, queue: str) -> str:
        if (fault := queue_fault(queue)) is not None:
            raise ValueError(f"{queue[:80]!r} {fault}; name another queue")
        return queue

    @model_validator(mode="after")
    def _queue_is_ours(self, info: ValidationInfo) -> Self:
        used = self.url is not None or "analytics_queue" in self.model_fields_set
        if used and self.analytics_queue in queues_of_the_service(info.context or {}):
            raise ValueError(
                f"analytics_queue {self.analytics_queue!r} is a queue of the service itself; "
                "name another"
            )
        return self

    @model_validator(mode="after")
    def _tls_is_whole(self) -> Self:
        files = (self.ca_file, self.certificate_file, self.key_file)
        if self.url is None or not any(files):
            return self
        if _split(self.url)[0].scheme != "amqps":
            raise ValueError("certificates are for TLS, but the url does not begin with amqps://")
        if self.key_file and not self.certificate_file:
            raise ValueError("key_file is the key of a certificate; name certificate_file too")
        return self

    def check_secrets(self) -> None:
        """Read the password and the files of TLS."""
        if self.url is not None:
            self.broker()

    def broker(self) -> BrokerAddress:
        """Where to connect; the files are read anew, so that they may be changed at any time.

        Raises `parsekit.errors.ConfigInvalid` for a file that can't be used, ValueError without a
        url.
        """
        if self.url is None:
            raise ValueError("transport.url is not set")
        parts, port = _split(self.url)
        return BrokerAddress(
            host=parts.hostname or "",
            port=port or _PORTS[parts.scheme],
            vhost=unquote(parts.path.removeprefix("/")) or "/",
            username=unquote(parts.username or "") or self.username or "guest",
            password=self._password(parts),
            tls=self._tls() if parts.scheme == "amqps" else None,
        )

    def _tls(self) -> TlsFiles:
        files = {
            "ca_file": self.ca_file,
            "certificate_file": self.certificate_file,
            "key_file": self.key_file,
        }
        check_tls_files("transport", **files)
        return TlsFiles(**files)

    def _password(self, parts: SplitResult) -> SecretStr:
        if self.password_file is not None:
            return read_secret(self.password_file, "transport.password_file")
        return SecretStr(unquote(parts.password or "") or "guest")


def queues_of_the_service(sections: Mapping[str, BaseModel]) -> frozenset[str]:
    """Queues where a message of ours would be taken for a task, by the section ``celery``."""
    celery = sections.get("celery")
    names = (getattr(celery, key, None) for key in ("queue", "bulk_queue"))
    known = [name for name in names if isinstance(name, str)]
    return frozenset(name + end for name in known for end in ("", "-poll"))


def _split(url: SecretStr) -> tuple[SplitResult, int | None]:
    """The parts of a URL and its port, 0 where it names none, None where it is nonsense."""
    try:
        parts = urlsplit(url.get_secret_value())
        return parts, parts.port or 0
    except ValueError:
        return SplitResult("", "", "", "", ""), None
