"""The contracts of parsers and storages, and what a plugin registers to offer one.

An entry is light: name, version and *where* the real class stands. The class is imported when the
configuration picks it, so that listing plugins never loads native code.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from parsekit.model import Job, JsonObject, NotReady, Outcome, Parsed, Replay
from parsekit.retry import RetryPolicy

if TYPE_CHECKING:
    from pydantic import BaseModel

    from parsekit.config import Config


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderContext:
    """What the host gives a provider when it makes one.

    ``settings`` is the plugin's own configuration section (an instance of the entry's
    ``settings`` model, None when it declares none). ``redis_url`` is a Redis that all workers of
    this deployment share, None on a single machine without one. ``data_dir`` is for local state,
    and is there unless the disk refuses.
    """

    settings: Any = None
    redis_url: str | None = None
    data_dir: Path = Path()
    parse_seconds: float = 120.0

    @classmethod
    def of(
        cls, config: Config, entry: ParserEntry | StorageEntry, data_dir: Path
    ) -> ProviderContext:
        """What the provider of this entry is made with."""
        return cls(
            settings=config.sections[entry.name] if entry.settings is not None else None,
            redis_url=config.redis_url,
            data_dir=data_dir,
            parse_seconds=config.limits.parse_seconds,
        )


class Parser(Protocol):
    """Turns one replay into statistics.

    Raise the `parsekit.errors` class that fits; any other exception becomes `ParserFailed`.
    """

    def parse(self, replay: Replay, job: Job) -> Parsed | NotReady:
        """Parse, or start to. ``job.ticket`` is set when a ticket asked for the replay again."""
        ...


@runtime_checkable
class WaitingParser(Parser, Protocol):
    """A parser that answers `NotReady`: it goes on from the ticket, without the replay."""

    def resume(self, job: Job) -> Parsed | NotReady:
        """Go on from ``job.ticket``, which is never None here."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PageContent:
    """A page without the document around it, for a site that has one of its own.

    ``style`` (CSS) and ``script`` are the plugin's own, the same for all matches, so a site may
    allow them by their digests. ``body`` is HTML that stands inside of ``main``.
    """

    title: str
    style: str
    script: str
    body: Iterable[str]


class Page(Protocol):
    """A page of matches in the making, which is asked for its text as often as matches join it."""

    def add(self, outcome: Outcome) -> None:
        """Take a match: a body, and a timeline where the parser has one."""
        ...

    def text(self) -> tuple[str, Iterable[str]]:
        """The title and the page of all matches so far, HTML in parts."""
        ...

    def content(self) -> PageContent:
        """The same, to be put into the document of a site."""
        ...


#: What parseFloat reads as a number: callers do that with a parser's version (result.schema.json).
NUMBERED = re.compile(r"\s*[-+]?(\d|\.\d)", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParserEntry:
    """Offers a parser.

    ``version`` is part of the cache key, so change it when results change; callers read it with
    parseFloat, so one that does not begin with a number is refused. ``create`` is the class (or a
    function) that makes the parser, or "module:name" of it; it must be importable, as local
    parsers run in processes of their own with limits on time and memory. ``runs`` says where the
    time goes: "local" burns CPU, "remote" waits for others and runs in the worker's own process.
    ``confinement`` is how a local parser is kept in: "strict" allows its process only the system
    calls of a program that reads files, computes and has threads; "standard" refuses those that
    are known to do harm. ``settings`` is the model of the configuration section named like the
    parser. ``retry`` replaces the default schedule for retryable errors; given the settings.
    ``reader`` says what it reads replays with on this machine, where that may differ, as
    `Parsed.reader` does; `parsekit plugins` asks.
    """

    name: str
    version: str
    create: Callable[[ProviderContext], Parser] | str
    runs: Literal["local", "remote"] = "local"
    confinement: Literal["standard", "strict"] = "standard"
    settings: type[BaseModel] | None = None
    retry: Callable[[Any], RetryPolicy] | None = None
    reader: Callable[[], str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectInfo:
    """Facts of one stored object; ``etag`` without quotes, None where the store has none."""

    key: str
    size_bytes: int
    etag: str | None = None
    sha256: str | None = None


#: Most that is read into memory: eight times what a parser may answer (2 MiB), as results, tickets
#: and audited documents are the only objects that are read so.
LARGEST_READ_BYTES = 16 * 2**20


class Storage(Protocol):
    """Holds replays and results under keys such as ``replays/<name>.replay``.

    Keys that reach a storage were checked by the host (`parsekit.checked_key`): relative, no
    ``..``, no control characters. All else is bytes that mean nothing, percent signs and
    backslashes too; `parsekit.checked_path` is for servers that would read more into them.
    Every method may raise `StorageUnavailable` (worth another try) or `StorageDenied`, and takes
    at most about ten seconds with its own short retries. Used from several threads at once, made
    anew in every process.
    """

    @property
    def results_prefix(self) -> str:
        """The folder of results, without slashes at its ends; "" for the root."""
        ...

    def head(self, key: str) -> ObjectInfo:
        """Say what is there. Raises `ReplayNotFound`."""
        ...

    def fetch(self, key: str, target: Path, *, max_bytes: int) -> ObjectInfo:
        """Copy the object to ``target``, whole or not at all, checked for length.

        Raises `ReplayNotFound`, and `ReplayTooLarge` before or during the transfer.
        """
        ...

    def read(self, key: str) -> bytes | None:
        """Read a small object; None when there is none.

        What is larger than `LARGEST_READ_BYTES` was not written by us: it counts as missing, is not
        taken into memory, and is replaced once the replay is parsed again.
        """
        ...

    def write(self, key: str, body: bytes, *, replace: bool = True) -> bool:
        """Store an object in one atomic step.

        Without ``replace`` an object that exists stays as it is and False is answered, where the
        store can do that; a store that can't replaces and returns True.
        """
        ...

    def delete(self, key: str) -> None:
        """Remove the object; nothing happens when there is none."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageEntry:
    """Offers a storage; fields as in `ParserEntry`."""

    name: str
    create: Callable[[ProviderContext], Storage] | str
    settings: type[BaseModel] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of ``parsekit doctor``: what was tried, how it went, what to do about it.

    ``ok`` None means that it was not tried, as ``detail`` says.
    """

    name: str
    ok: bool | None
    detail: str
    advice: str = ""

    def to_json(self) -> JsonObject:
        """The published form of ``doctor --format json``."""
        return {"name": self.name, "ok": self.ok, "detail": self.detail, "advice": self.advice}
