"""The names under which the workers of a deployment keep what they share in Redis."""

from __future__ import annotations

_PREFIX = "parsekit:"
#: Sorted set, member id to the time of its last beat (ms since 1970, the server's clock).
BEATS = _PREFIX + "beats"
#: Hash: when the last beat of any came, and from when on those that stopped are taken for dead.
BEAT_WATCH = _PREFIX + "beat-watch"
#: Sorted set, task id to the time (ms since 1970, the server's clock) when it goes on.
DUE = _PREFIX + "due"
#: The same for tasks of back-fills, so that no number of them stands before another task.
BULK_DUE = _PREFIX + "bulk-due"
#: Hash, task id to the message with which it goes on.
WAITING = _PREFIX + "waiting"
#: Messages that are no messages, so that somebody may look at them.
UNREADABLE = _PREFIX + "unreadable"

#: Hash, queue to the number of messages that workers ever took from it.
DEQUEUED_TOTAL = _PREFIX + "taken-ever"

#: The key with which workers sign what their messages carry, where none is configured.
CARRYING_KEY = _PREFIX + "carrying-key"

#: Hash, task id to its dead letter.
DEAD_LETTERS = _PREFIX + "dead-letters"

#: kombu keeps messages of these priorities in lists of their own: what follows the queue's name.
PRIORITIES = ("", *(f"\x06\x16{step}" for step in (3, 6, 9)))


def lists_of(queue: str) -> list[str]:
    """The lists that are one queue of Celery's."""
    return [f"{queue}{priority}" for priority in PRIORITIES]


def taken(member: str) -> str:
    """Hash of the messages that a worker took and did not acknowledge: tag to list and text."""
    return f"{_PREFIX}taken:{member}"


def children(member: str) -> str:
    """Set of the processes of a worker's pool that have begun and not ended."""
    return f"{_PREFIX}children:{member}"


def announcement(member: str) -> str:
    """What a worker says of itself; gone soon after it said it last."""
    return f"{_PREFIX}worker:{member}"


def task(task_id: str) -> str:
    """Hash of what must be known of a task wherever it runs next."""
    return f"{_PREFIX}task:{task_id}"


def lock(key: str) -> str:
    """Hash of the task that does the work for this content, parser and version."""
    return f"{_PREFIX}lock:{key}"


def locks_of(member: str) -> str:
    """Set of the locks that a process has claimed and neither released nor left to their task."""
    return f"{_PREFIX}locks-of:{member}"


def result(task_id: str) -> str:
    """Where Celery keeps the result of a task, and where callers look for it."""
    return f"celery-task-meta-{task_id}"
