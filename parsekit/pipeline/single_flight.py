"""Of all tasks that want the same replay at once, one does the work and the others wait for it."""

from __future__ import annotations

from parsekit.model import Outcome
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
    task.update(joined_unix=task.state.joined_unix or task.services.clock.now())
    return task.wait(JOINED_AFTER_S, "another task parses this replay")


def settle_lock(task: Task, answer: Outcome | Waiting) -> None:
    """Keep the lock for the task while it waits; else let the next task have it."""
    if isinstance(answer, Waiting):
        task.lock.extend(answer.after_s + LOCK_MARGIN_S)
        return
    name, state = task.known_result_name, task.state
    had_it_before = state.parse_began_unix is not None or (
        state.storage_failures > 0 and state.joined_unix is None
    )
    if name is not None and had_it_before:
        # an earlier run extended the lock for this task; only its holder can release it
        task.lock.acquire(name.lock_key)
    task.lock.release()
