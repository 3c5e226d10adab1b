"""The host's own settings; the defaults need no server and no account."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from parsekit.config.appendable import AUDIT_OPENING, begins_so
from parsekit.config.file import is_file
from parsekit.config.queue_names import clash, queue_fault
from parsekit.config.redis_address import is_redis
from parsekit.config.secret import SecretFile, read_secret
from parsekit.config.server_url import canonical
from parsekit.config.urls import UNUSABLE, is_usable
from parsekit.errors import ConfigInvalid


class Section(BaseModel):
    """Base of every section: frozen, and unknown keys are errors.

    ``json_schema_extra={"examples": [{"path": "/var/ticks"}]}`` behind it, in the brackets of the
    class, is what somebody might write; it stands in the JSON Schema and in the reference.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, defer_build=True)

    def secret_files(self) -> Mapping[str, Path]:
        """Setting to file, of secrets that are read from a file which no setting has to name.

        ``parsekit doctor --security`` asks, and looks at those that are there; files that settings
        name it knows. Nothing by default.
        """
        return {}

    def check_secrets(self) -> None:
        """Raise `ConfigInvalid` for a secret without which this section is of no use here.

        Asked once the section is in use: a worker does not start without it, ``parsekit config
        check`` only warns, as the machine that works may be another one. Nothing by default.
        """


_MIB, _GIB, _TIB = 1024**2, 1024**3, 1024**4
#: Seconds. The operating system takes no endless limit of time, and no parse is worth a day.
_DAY = 86_400


class HostSettings(
    Section,
    json_schema_extra={
        "examples": [
            {
                "parser": "ballchasing",
                "fallback": ["local"],
                "storage": "minio",
                "answer_as": "ballchasing",
            },
            {
                "parser": "local",
                "shadow": "ballchasing",
                "shadow_per_hour": 0.25,
                "disableCache": True,
            },
        ]
    },
):
    """The keys at the top of the file."""

    parser: str = Field("local", description="name of the parser")
    fallback: tuple[str, ...] = Field(
        (), description="parsers tried in order when `parser` fails in a way that another may not"
    )
    shadow: str | None = Field(
        None, description="a second parser run beside; differences are reported, failures ignored"
    )
    shadow_per_hour: Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)] | None = (
        Field(
            None,
            description="replays an hour that the shadow parses at most, on each machine; "
            "default 60 for a parser that runs here, 0.25 (42 a week) for a remote one",
        )
    )
    storage: str | None = Field(
        None, description="name of the storage; default `minio` with a minio section, else `folder`"
    )
    disable_cache: bool = Field(
        False, alias="disableCache", description="skip the look-up of stored results, still store"
    )
    answer_as: str | None = Field(
        None, description="parser name shown to callers that only know some, such as `ballchasing`"
    )


class Limits(
    Section,
    json_schema_extra={
        "examples": [{"replay_bytes": 67108864, "parse_seconds": 300, "parse_memory": 4294967296}]
    },
):
    """Section `limits`: a replay is refused, or its parse ended, beyond these."""

    replay_bytes: Annotated[int, Field(gt=0, le=_GIB)] = Field(
        32 * _MIB, description="largest replay file, bytes"
    )
    parse_seconds: Annotated[float, Field(gt=0, le=_DAY, allow_inf_nan=False)] = Field(
        120, description="longest time for one local parse, seconds"
    )
    parse_memory: Annotated[int, Field(ge=64 * _MIB, le=_TIB)] = Field(
        2 * _GIB, description="largest address space of one local parse, bytes"
    )


class ProvenanceSettings(
    Section,
    json_schema_extra={
        "examples": [
            {
                "key_file": "/run/secrets/provenance_key",
                "previous_key_files": ["/run/secrets/old_key"],
            }
        ]
    },
):
    """Section `provenance`: the key that stored results are signed with."""

    key_file: SecretFile = Field(
        None,
        description="file with the key, 32 bytes or more; the same on every worker; "
        "default for a folder of this machine: one that is made in the data folder",
    )
    previous_key_files: tuple[Path, ...] = Field(
        (), description="files of keys that were used before, whose results are still served"
    )

    def check_secrets(self) -> None:
        """Read every key that is named."""
        if self.key_file is not None:
            read_secret(self.key_file, "provenance.key_file")
        for place, path in enumerate(self.previous_key_files):
            read_secret(path, f"provenance.previous_key_files.{place}")


class FolderSettings(
    Section,
    json_schema_extra={"examples": [{"path": "/srv/replays"}]},
):
    """Section `folder`: the storage on a disk, or at any fsspec URL."""

    path: str | None = Field(
        None, description="where results are kept, a path or fsspec URL; default the data folder"
    )

    @field_validator("path")
    @classmethod
    def _is_usable(cls, path: str | None) -> str | None:
        # What looks like a port may be part of a bucket's name.
        if path is not None and "://" in path and not is_usable(path, port=False):
            raise ValueError(f"is {UNUSABLE}")
        return path


class LogSettings(
    Section,
    json_schema_extra={"examples": [{"format": "json", "level": "warning"}]},
):
    """Section `logs`: what a worker writes on standard error."""

    format: Literal["auto", "json", "text"] = Field(
        "auto", description="auto: text on a terminal, else one JSON object a line"
    )
    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="the least important lines that are written"
    )


class AuditSettings(
    Section,
    json_schema_extra={
        "examples": [{"path": "/var/log/parsekit/audit.jsonl", "keep": 100, "file_bytes": 33554432}]
    },
):
    """Section `audit`: the file in which every task's doings are kept."""

    path: Path | None = Field(None, description="the file; default audit.jsonl in the data folder")
    keep: Annotated[int, Field(ge=1, le=10_000)] = Field(
        60, description="how many files are kept besides the one that is written"
    )
    file_bytes: Annotated[int, Field(ge=4096, le=_TIB)] = Field(
        16 * _MIB, description="size at which a file is set aside, bytes"
    )

    @field_validator("path")
    @classmethod
    def _holds_nothing_else(cls, path: Path | None) -> Path | None:
        """A file that can't be opened is left to who writes to it."""
        if path is None:
            return None
        with suppress(OSError, RuntimeError):  # the last for a home that is not known
            descriptor = os.open(path.expanduser(), os.O_RDONLY | os.O_NONBLOCK)
            try:
                if not begins_so(descriptor, AUDIT_OPENING):
                    raise ValueError(
                        f"{path} holds something else than audit records; name another file"
                    )
            finally:
                os.close(descriptor)
        return path


class RecordSettings(
    Section,
    json_schema_extra={"examples": [{"keep_days": 400, "keep_bytes": 1073741824}]},
):
    """Section `records`: how long analytics and differences are kept, each in a folder by days."""

    keep_days: Annotated[int, Field(ge=1, le=36_500)] = Field(
        400, description="days for which analytics, and differences, are kept"
    )
    keep_bytes: Annotated[int, Field(ge=1024**2, le=_TIB)] = Field(
        2 * _GIB, description="how much each of the two may take on disk; the oldest days go first"
    )


class CelerySettings(
    Section,
    json_schema_extra={
        "examples": [
            {
                "broker": "amqp://rabbitmq:5672",
                "backend": "redis://redis:6379/0",
                "queue": "replay-parse",
                "bulk_queue": "replay-parse-bulk",
                "result_expires": 3600,
                "state_expires": 86400,
                "task_events": True,
                "remote_control": True,
            },
            {
                "broker_file": "/run/secrets/broker_url",
                "backend_file": "/run/secrets/backend_url",
                "ca_file": "/etc/parsekit/ca.pem",
                "certificate_file": "/etc/parsekit/worker.pem",
                "key_file": "/run/secrets/worker.key",
            },
        ]
    },
):
    """Section `celery`: where tasks come from and answers go to."""

    broker: str | None = Field(None, description="URL of the broker; none: an embedded one")
    backend: str | None = Field(
        None,
        validate_default=True,
        description="URL of the Redis or Valkey of results and the state of tasks; default the "
        "broker's",
    )
    broker_file: SecretFile = Field(
        None, description="file with the URL of the broker, for one with a password"
    )
    backend_file: SecretFile = Field(
        None, description="file with the URL of the result store, for one with a password"
    )
    queue: str = Field("replay-parse", description="queue of interactive requests")
    bulk_queue: str = Field("replay-parse-bulk", description="queue of back-fills")
    result_expires: int = Field(
        _DAY,
        ge=60,
        le=30 * _DAY,
        description="how long callers can read a result, seconds; each takes 5 to 40 KB of the "
        "Redis of results",
    )
    state_expires: int = Field(
        _DAY,
        ge=3600,
        le=30 * _DAY,
        description="how long it is known of a task that it ran, ended or was cancelled, seconds, "
        "so that its id stands for one call; at least `result_expires`",
    )
    task_events: bool = Field(
        False, description="workers tell each step of a task to Flower and other monitors"
    )
    remote_control: bool = Field(
        False,
        description="workers obey all of Celery's remote commands, such as shutdown and "
        "rate_limit, not only revoke and what monitors ask",
    )
    ca_file: Path | None = Field(
        None,
        description="PEM file of the authorities to trust (rediss, amqps); else the system's",
    )
    certificate_file: Path | None = Field(
        None, description="PEM file of our own certificate, where the servers ask for one"
    )
    key_file: Path | None = Field(None, description="PEM file of the key to `certificate_file`")

    @model_validator(mode="before")
    @classmethod
    def _read_files(cls, values: Any) -> Any:
        """Put what the files hold where everybody looks for it. Raises `ConfigInvalid`."""
        if not isinstance(values, dict):
            return values
        read = dict(values)
        for key in ("broker", "backend"):
            file = read.get(f"{key}_file")
            if not isinstance(file, str | Path):  # what else it may be, its field says
                continue
            if read.get(key) is not None:
                raise ValueError(f"{key} and {key}_file both give its URL; keep one")
            read[key] = _address_in(Path(file), f"celery.{key}_file")
        return read

    @field_validator("broker", "backend")
    @classmethod
    def _canonical(cls, url: str | None) -> str | None:
        return None if url is None else canonical(url)

    @field_validator("backend")
    @classmethod
    def _is_one_redis(cls, url: str | None, info: ValidationInfo) -> str | None:
        effective = url or info.data.get("broker")  # which is not there where it is a mistake
        if effective is not None and not is_redis(effective):
            raise ValueError(
                "results and the state of tasks need one Redis or Valkey; "
                "name it as redis://host:6379/0"
            )
        return url

    @field_validator("queue", "bulk_queue")
    @classmethod
    def _is_a_name(cls, queue: str) -> str:
        if (fault := queue_fault(queue)) is not None:
            raise ValueError(f"{queue[:80]!r} {fault}")
        return queue

    @model_validator(mode="after")
    def _queues_differ(self) -> CelerySettings:
        if (fault := clash(self.queue, self.bulk_queue)) is not None:
            raise ValueError(fault)
        return self

    @model_validator(mode="after")
    def _state_outlives_result(self) -> CelerySettings:
        if self.state_expires < self.result_expires:
            raise ValueError(
                f"state_expires is {self.state_expires} s, less than result_expires, "
                f"{self.result_expires} s: a second call under the same id would replace a result "
                "that can still be read; set state_expires to at least as long"
            )
        return self

    @field_validator("ca_file", "certificate_file", "key_file")
    @classmethod
    def _is_there(cls, path: Path | None) -> Path | None:
        if path is not None and not is_file(path.expanduser()):
            raise ValueError(f"there is no file {path}")
        return path and path.expanduser()

    @model_validator(mode="after")
    def _both_or_none(self) -> CelerySettings:
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("certificate_file and key_file go together; set both or none")
        return self

    @property
    def broker_url(self) -> str | None:
        """The broker's address as clients take it."""
        return self._with_tls(self.broker)

    @property
    def backend_url(self) -> str | None:
        """The result store's address as clients take it."""
        return self._with_tls(self.backend or self.broker)

    def _with_tls(self, url: str | None) -> str | None:
        """Clients of Redis, Celery's among them, read from the URL whom to trust."""
        if url is None or not url.startswith("rediss://"):
            return url
        files = {
            "ssl_ca_certs": self.ca_file,
            "ssl_certfile": self.certificate_file,
            "ssl_keyfile": self.key_file,
        }
        options = {"ssl_cert_reqs": "required"} | {
            name: quote(str(path)) for name, path in files.items() if path is not None
        }
        more = [f"{name}={value}" for name, value in options.items() if f"{name}=" not in url]
        return "&".join([url + ("" if "?" in url else "?"), *more]).replace("?&", "?")


def _address_in(file: Path, key: str) -> str:
    """The URL that a file holds. Raises `ConfigInvalid` for one that can't be read as such."""
    url = read_secret(file, key).get_secret_value()
    try:
        return canonical(url)
    except ValueError as exc:
        raise ConfigInvalid(f"{key}: what {file} holds {exc}") from None
