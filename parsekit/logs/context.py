"""Which task this thread works on, so that every line it writes says so, a library's line too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar

#: Name to value; what is empty is left out of a line.
Facts = Mapping[str, object]

_NONE: Facts = {}
_task: ContextVar[Callable[[], Facts] | None] = ContextVar("parsekit_task", default=None)


class working_on:  # noqa: N801  (reads as a function; a generator would take twice as long)
    """For the length of the block, ask ``facts`` for each line what is known of the task by now."""

    __slots__ = ("_facts", "_token")

    def __init__(self, facts: Callable[[], Facts]) -> None:
        self._facts = facts

    def __enter__(self) -> None:
        self._token = _task.set(self._facts)

    def __exit__(self, *_: object) -> None:
        _task.reset(self._token)


def current_facts() -> Facts:
    """What is known of the task at hand; nothing outside of one."""
    facts = _task.get()
    return _NONE if facts is None else facts()
