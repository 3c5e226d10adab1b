"""Every field of a line of the log, from `parsekit.logs.fields`."""

from __future__ import annotations

from devkit.reference.markdown import code, table
from parsekit.logs.fields import FIELDS

_INTRODUCTION = """
# Log fields

A line of a worker's log is a JSON object, or text at a terminal ([how to read
them](../logs.md)). What is empty is left out. The first four stand in every line, those from
`task_id` to `attempt` in every line that was written for a task, whoever wrote it.
"""


def page() -> str:
    """The page of all fields, in their order."""
    rows = [(code(field.name), field.meaning) for field in FIELDS]
    return f"{_INTRODUCTION.strip()}\n\n{table(('field', 'meaning'), rows)}"
