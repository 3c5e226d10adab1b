"""What listeners get: progress of a task, one analytics event at its end, audit, differences.

``to_message()`` gives the exact JSON of the contract (progress.schema.json, analytics.schema.json).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from parsekit.json_text import spliced
from parsekit.model import JsonObject, Outcome

if TYPE_CHECKING:
    from parsekit.shadow.compare import FieldDifference

Status = Literal["Pending", "Complete", "Error"]

#: The texts that callers know, with the percentage at which they stand.
STARTED = (10.0, "Task started...")
FETCHING = (20.0, "Fetching replay...")
COMPLETE = (100.0, "Complete!")
#: Parsers report between these two percentages.
PARSER_RANGE = (20.0, 90.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressEvent:
    """One step of one task. Values of a task never fall; exactly one event of it is final.

    ``queue`` is the caller's progress queue, None when nobody asked. ``outcome`` comes with the
    final event only.
    """

    task_id: str
    replay: str
    status: Status
    value: float
    message: str
    queue: str | None = None
    outcome: Outcome | None = None

    @property
    def final(self) -> bool:
        """Whether no more event of this task follows."""
        return self.status != "Pending"

    def to_message(self) -> JsonObject:
        """The JSON object of progress.schema.json."""
        result = self.outcome.to_result() if self.outcome and self.outcome.ok else None
        return {**self._to_members(), "result": result}

    def to_text(self) -> str:
        """The same as JSON text."""
        result = self.outcome.to_result_text() if self.outcome and self.outcome.ok else "null"
        return spliced(self._to_members(), "result", result)

    def _to_members(self) -> JsonObject:
        failure = self.outcome.failure if self.outcome else None
        return {
            "taskId": self.task_id,
            "status": self.status,
            "progress": {"value": self.value, "message": self.message},
            "error": failure.message if failure else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitEvent:
    """A task that has left this process: it goes on here or in another one.

    That is ``after_s`` seconds after ``at_unix`` at the earliest. ``queue`` is as in its progress.
    """

    task_id: str
    replay: str
    at_unix: float
    after_s: float
    reason: str
    queue: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyticsEvent:
    """One a task, success or failure. ``event_id`` stays the same however often it is sent.

    ``hash`` is what the caller knows the replay by: the file stem of an object key (contract), or
    the SHA-256 of a local file. ``at_unix`` is when the task ended.
    """

    event_id: str
    task_id: str
    hash: str
    at_unix: float
    outcome: Outcome

    def to_message(self) -> JsonObject:
        """The JSON object of analytics.schema.json; a timing that did not happen is left out."""
        outcome = self.outcome
        ints: list[list[object]] = [[name, ms] for name, ms in outcome.timings.happened()]
        if outcome.replay_bytes:
            ints.append(["replayKb", round(outcome.replay_bytes / 1024)])
        return {
            "pattern": "analytics",
            "data": {
                "name": "parseReplay",
                "tags": [
                    ["taskId", self.task_id],
                    ["hash", self.hash],
                    ["parser", outcome.parser_shown],
                ],
                "booleans": [["success", outcome.ok], ["cached", outcome.cached]],
                "ints": ints,
            },
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Acts:
    """What was done: keys of the storage, paths and URLs; and to whom something was sent.

    ``looked_at`` are objects of which only size and version were asked. ``sent`` names remote
    parsers that got the replay, progress queues, and ``analytics``.
    """

    looked_at: tuple[str, ...] = ()
    read: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    sent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """What a task did since its last record; a task that waits has several, without gaps.

    ``caller`` is who asked, as far as that is known: nobody has proved it. ``result`` is "ok", the
    published code of the error, "waiting", or "running" for a record in the middle of a run.
    ``hash`` is the SHA-256 of the content, "" while it is not known. Holds no secrets.
    """

    at_unix: float
    caller: str
    task_id: str
    replay: str
    acts: Acts
    result: str
    error: str | None = None
    parser: str = ""
    parser_version: str = ""
    hash: str = ""
    cached: bool = False

    def to_json(self) -> JsonObject:
        """The published form, documented in docs/logs.md."""
        return {
            "at": moment(self.at_unix),
            "caller": self.caller,
            "taskId": self.task_id,
            "replay": self.replay,
            "lookedAt": list(self.acts.looked_at),
            "read": list(self.acts.read),
            "written": list(self.acts.written),
            "removed": list(self.acts.removed),
            "sent": list(self.acts.sent),
            "result": self.result,
            "error": self.error,
            "parser": self.parser,
            "parserVersion": self.parser_version,
            "hash": self.hash,
            "cached": self.cached,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Answerer:
    """A parser that answered, and its version."""

    parser: str
    version: str

    def __str__(self) -> str:
        return f"{self.parser} {self.version}"

    def to_json(self) -> JsonObject:
        """Both names."""
        return {"parser": self.parser, "version": self.version}


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceEvent:
    """How the result of a shadow parser differs from the one that the caller got.

    ``hash`` is the SHA-256 of the content. ``fields`` has every field that was compared, also
    those that are equal. ``event_id`` stays the same however often it is published.
    """

    event_id: str
    task_id: str
    replay: str
    hash: str
    at_unix: float
    primary: Answerer
    shadow: Answerer
    fields: Sequence[FieldDifference]

    def to_json(self) -> JsonObject:
        """The published form, documented in docs/composition.md."""
        return {
            "eventId": self.event_id,
            "at": moment(self.at_unix),
            "taskId": self.task_id,
            "replay": self.replay,
            "hash": self.hash,
            "primary": self.primary.to_json(),
            "shadow": self.shadow.to_json(),
            "fields": {each.field: each.to_json() for each in self.fields},
        }


def moment(at_unix: float) -> str:
    """RFC 3339, UTC, with milliseconds."""
    at = datetime.fromtimestamp(at_unix, UTC).isoformat(timespec="milliseconds")
    return at.replace("+00:00", "Z")
