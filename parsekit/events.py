"""What listeners are told: progress of a task, and one analytics event at its end.

``to_message()`` gives the exact JSON of the contract (progress.schema.json, analytics.schema.json).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from parsekit.model import JsonObject, Outcome

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
        failure = self.outcome.failure if self.outcome else None
        return {
            "taskId": self.task_id,
            "status": self.status,
            "progress": {"value": self.value, "message": self.message},
            "error": failure.message if failure else None,
            "result": self.outcome.to_result() if self.outcome and self.outcome.ok else None,
        }


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
                    ["parser", outcome.parser],
                ],
                "booleans": [["success", outcome.ok], ["cached", outcome.cached]],
                "ints": ints,
            },
        }
