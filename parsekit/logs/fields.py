"""What a line of a worker's log may say, by name: the published names of its fields."""

from __future__ import annotations

from typing import NamedTuple


class LogField(NamedTuple):
    """A field. One that ``names`` something is a word of ours, or was cleaned before.

    No secret is looked for in such a field: what a caller or a plugin says (a replay's URL, the
    reason of a wait) was cleaned before it became one.
    """

    name: str
    meaning: str
    names: bool = False


FIELDS = (
    LogField("time", "when it was written: RFC 3339, UTC, with milliseconds"),
    LogField("level", "debug, info, warning, error or critical"),
    LogField("logger", "which part of parsekit, or which library, wrote it"),
    LogField("message", "what happened, for people; at most 8192 characters"),
    LogField("task_id", "the task that was worked on", names=True),
    LogField("replay", "its key, path or URL, without passwords", names=True),
    LogField(
        "hash",
        "SHA-256 of the content, or its fingerprint while only the storage has seen it",
        names=True,
    ),
    LogField("parser", "the parser whose turn it is", names=True),
    LogField("attempt", "which try of this step in a row, from 1", names=True),
    LogField("step", "which step of the task the line is about", names=True),
    LogField(
        "outcome", "how the step ended: ok, a word of its own, or an error's code", names=True
    ),
    LogField("duration_ms", "how long the step took, milliseconds"),
    LogField("after_s", "for how long the task waits, seconds"),
    LogField("cached", "whether the result was stored already"),
    LogField("total_ms", "from the first delivery to the end, waits included, milliseconds"),
    LogField("error", "the message of the error with which the step ended"),
    LogField("traceback", "where an error that nobody expected was raised"),
)
#: Names of the fields that name something.
NAMES = frozenset(field.name for field in FIELDS if field.names)
