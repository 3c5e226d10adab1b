"""Of all tasks that want the same replay at once, one does the work and the others wait for it."""

from __future__ import annotations

from parsekit.errors import Cancelled
from parsekit.model import Outcome
from parsekit.pipeline.parse import find_ticket
from parsekit.pipeline.state import Waiting
from parsekit.pipeline.task import Task

#: How soon a task looks again for the result that another task is making, seconds.
JOINED_AFTER_S = 1.0
#: How long a waiting task keeps its lock beyond the time at which it is to go on, seconds.
LOCK_MARGIN_S = 30.0


def acquire_lock(task: Task) -> Waiting | None:
    """Take the lock of this content and parser; wait for the result while another task has it."""
    if task.lock.acquire(task.result_name.lock_key):
        return None
    task.learn(joined_unix=task.state.joined_unix or task.services.clock.now())
    return task.wait(JOINED_AFTER_S, "another task parses this replay")


def settle_lock(task: Task, answer: Outcome | Waiting) -> None:
    """Keep the lock for the task while it waits; else let the next task have it."""
    if isinstance(answer, Waiting):
        task.lock.extend(answer.after_s + LOCK_MARGIN_S)
        return
    name, state = task.known_result_name, task.state
    alone = state.storage_failures and not state.joined_unix
    if name is not None and (state.parse_began_unix is not None or alone):
        task.lock.acquire(name.lock_key)  # an earlier run may have left it to this task
    task.lock.release()


def recall(task: Task) -> None:
    """Learn what a run that was cut short worked on, as far as that takes no fetching."""
    if task.state.fingerprint is None:
        content = task.source.look(task.services.config.limits.replay_bytes)
        task.learn(fingerprint=content.fingerprint)
    if task.state.ticket is None and task.known_result_name is not None:
        find_ticket(task)


def abandon(task: Task) -> None:
    """Free what a task that is not to go on holds, its ticket before its lock."""
    name = task.known_result_name
    if name is not None and task.lock.acquire(name.lock_key):
        task.end_ticket(Cancelled("cancelled"))
        task.lock.release()
