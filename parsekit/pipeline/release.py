"""Free what a task holds that is not to go on: the ticket of a remote parser, and its lock."""

from __future__ import annotations

from parsekit.errors import Cancelled
from parsekit.pipeline.parse import find_ticket
from parsekit.pipeline.task import Task


def identify_cut_short(task: Task) -> None:
    """Learn what a run that was cut short worked on, as far as that takes no fetching."""
    if task.state.fingerprint is None:
        content = task.source.stat(task.services.config.limits.replay_bytes)
        task.update(fingerprint=content.fingerprint)
    if task.state.ticket is None and task.known_result_name is not None:
        find_ticket(task)


def release_held(task: Task) -> None:
    """Free what a task that is not to go on holds, its ticket before its lock."""
    name = task.known_result_name
    if name is not None and task.lock.acquire(name.lock_key):
        task.end_ticket(Cancelled("cancelled"))
        task.lock.release()
