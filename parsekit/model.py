"""The small frozen values that travel between driver, pipeline and plugins.

Units stand in the names: ``_ms`` milliseconds, ``_s`` seconds, ``_bytes``, ``_kb`` (1024 bytes),
``_unix`` seconds since 1970 UTC. Dictionaries appear only where JSON comes in or goes out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from parsekit.errors import ParsekitError, error_for
from parsekit.json_text import encoded, spliced
from parsekit.redaction.secrets import cleaned, cleaned_name

if TYPE_CHECKING:
    from parsekit.body.timeline import Timeline

#: A JSON object as it stands at an edge.
JsonObject = dict[str, Any]

#: Where `Request.replay` points: a key in the configured storage, or a path or URL of the user's.
Place = Literal["storage", "local"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One replay that somebody wants parsed.

    ``parser`` None means the configured one. ``bulk`` marks a back-fill, which yields to
    interactive work wherever something is scarce. ``caller`` says who asked, for the audit.
    ``again`` names the time at which a dead letter is tried anew, "" for the first. ``timeline``
    asks for one beside the body, which no stored result has: the replay is parsed. Without
    ``fallback`` no other parser is asked in place of one that can't answer.
    """

    replay: str
    task_id: str
    place: Place = "storage"
    parser: str | None = None
    disable_cache: bool = False
    progress_queue: str | None = None
    bulk: bool = False
    caller: str = ""
    again: str = ""
    timeline: bool = False
    fallback: bool = True

    @property
    def event_stem(self) -> str:
        """What the ids of its events begin with, the same however often the task is delivered."""
        return f"{self.task_id}.{self.again}" if self.again else self.task_id

    @property
    def shown(self) -> str:
        """The replay as it may be shown: a URL without user's password and secret parameters."""
        return cleaned_name(self.replay)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """A whole, checked replay file on the local disk, as a parser gets it."""

    path: Path
    name: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """What a parser found. ``data`` is JSON, by convention in the shape of Ballchasing's body.

    ``warnings`` are for whoever reads the result. ``notice`` is a sentence for the operator, logged
    once. ``reader`` names what the parser read the replay with, where it has several: the stored
    result's provenance says it. ``timeline`` is for a job that wants one (`Job.timeline`), from a
    parser that has one.
    """

    data: JsonObject
    warnings: tuple[str, ...] = ()
    notice: str = ""
    reader: str = ""
    timeline: Timeline | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotReady:
    """The parser has to wait: come back with this ticket in ``after_s`` seconds.

    The ticket is small JSON and enough to go on in any process on any machine. ``needs_replay``
    says that the file must be at hand again (nothing was uploaded yet).
    """

    ticket: Mapping[str, Any]
    after_s: float
    reason: str = ""
    needs_replay: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One parse, as seen by the parser that does it.

    ``progress(value, message)`` is for the caller; value is 20 to 90 percent of the whole task.
    ``checkpoint(ticket)`` keeps a ticket at once, before `parse` returns, so that a killed process
    loses nothing (call it right after an upload was accepted). ``ticket`` is what was kept last.
    ``timeline`` asks for `Parsed.timeline` as well; a parser that has none leaves it out.
    """

    task_id: str
    ticket: Mapping[str, Any] | None = None
    bulk: bool = False
    has_fallback: bool = False
    timeline: bool = False
    progress: Callable[[float, str], None] = field(default=lambda _value, _message: None)
    checkpoint: Callable[[Mapping[str, Any]], None] = field(default=lambda _ticket: None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """Milliseconds spent in each step of one task; None where the step did not happen."""

    get_ms: int | None = None
    parse_ms: int | None = None
    put_ms: int | None = None
    total_ms: int = 0

    def to_json(self) -> dict[str, int]:
        """All four in the published names, 0 for a step that did not happen."""
        return {
            "getMs": self.get_ms or 0,
            "parseMs": self.parse_ms or 0,
            "putMs": self.put_ms or 0,
            "totalMs": self.total_ms,
        }

    def happened(self) -> list[tuple[str, int]]:
        """Only the steps that happened, as the analytics contract wants them."""
        steps = (("getMs", self.get_ms), ("parseMs", self.parse_ms), ("putMs", self.put_ms))
        return [(name, ms) for name, ms in steps if ms is not None] + [("totalMs", self.total_ms)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An error as data; ``code`` is one of `parsekit.errors.ERRORS`."""

    code: str
    message: str
    retryable: bool = False
    retry_after_s: float | None = None

    @classmethod
    def of(cls, error: ParsekitError) -> Failure:
        """Take the published facts of an error; from here on they travel, so no secret does."""
        return cls(
            code=error.code,
            message=cleaned(error.message),
            retryable=error.retryable,
            retry_after_s=error.retry_after_s,
        )

    def to_error(self) -> ParsekitError:
        """Make the exception again, for drivers that raise."""
        return error_for(self.code, self.message, retry_after_s=self.retry_after_s)

    def to_json(self) -> JsonObject:
        """The published form in outcomes."""
        return {"code": self.code, "message": self.message, "retryable": self.retryable}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A parser that was asked and did not answer, and why."""

    parser: str
    failure: Failure

    def __str__(self) -> str:
        return f"{self.parser} ({self.failure.code}: {self.failure.message})"

    def to_json(self) -> JsonObject:
        """The published form in outcomes and stored results."""
        return {"parser": self.parser, "error": self.failure.to_json()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one task ended, for every driver and sink.

    ``hash`` is the SHA-256 of the content ("" when it was never read), ``output_path`` the key of
    the stored result, ``data_text`` the JSON text of ``data`` where it is at hand. ``tried`` names
    the parsers that failed before the one that answered, ``answer_as`` the one that callers are to
    take it for (setting ``answer_as``). ``timeline`` is there where the request asked for one and
    the parser has one; it is no part of the published forms.
    """

    replay: str
    task_id: str
    hash: str = ""
    parser: str = ""
    parser_version: str = ""
    answer_as: str | None = None
    cached: bool = False
    output_path: str | None = None
    data: JsonObject | None = None
    data_text: str | None = field(default=None, repr=False)
    failure: Failure | None = None
    timings: Timings = Timings()
    replay_bytes: int = 0
    warnings: tuple[str, ...] = ()
    tried: tuple[Tried, ...] = ()
    timeline: Timeline | None = field(default=None, repr=False)

    @property
    def ok(self) -> bool:
        """Whether there is a result."""
        return self.failure is None

    @property
    def parser_shown(self) -> str:
        """The parser's name for callers."""
        return self.answer_as or self.parser

    @property
    def replay_kb(self) -> float:
        """Size of the replay in kilobytes (1024 bytes), one decimal."""
        return round(self.replay_bytes / 1024, 1)

    def to_json(self) -> JsonObject:
        """One line of ``--format jsonl``."""
        return {
            "replay": self.replay,
            "ok": self.ok,
            "cached": self.cached,
            "hash": self.hash,
            "parser": self.parser_shown,
            "parserVersion": self.parser_version,
            "outputPath": self.output_path,
            "data": self.data,
            "error": self.failure.to_json() if self.failure else None,
            "timings": self.timings.to_json(),
            "replayKb": self.replay_kb,
            "warnings": list(self.warnings),
            "tried": [each.to_json() for each in self.tried],
        }

    def to_result(self) -> JsonObject:
        """The return value of ``parseReplay`` (contract: result.schema.json)."""
        return {**self._to_members(), "data": self.data}

    def to_result_text(self) -> str:
        """The same as JSON text."""
        return spliced(self._to_members(), "data", self.data_text or encoded(self.data))

    def _to_members(self) -> JsonObject:
        return {
            "parser": self.parser_shown,
            "parserVersion": self.parser_version,
            "outputPath": self.output_path,
            "hash": self.hash,
            "cached": self.cached,
            "timings": self.timings.to_json(),
            "replayKb": self.replay_kb,
            "warnings": list(self.warnings),
            "tried": [each.to_json() for each in self.tried],
        }
