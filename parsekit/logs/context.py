"""Which task this thread works on, so that every line it writes tells, a library's line too."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

#: Name to value; what is empty is left out of a line.
Facts = Mapping[str, object]

_NONE: Facts = {}
_task: ContextVar[Callable[[], Facts] | None] = ContextVar("parsekit_task", default=None)


@contextmanager
def working_on(facts: Callable[[], Facts]) -> Iterator[None]:
    """For the length of the block, ask ``facts`` for each line what is known of the task by now."""
    token = _task.set(facts)
    try:
        yield
    finally:
        _task.reset(token)


def current_facts() -> Facts:
    """What is known of the task at hand; nothing outside of one."""
    facts = _task.get()
    return _NONE if facts is None else facts()
