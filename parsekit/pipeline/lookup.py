"""Find out what content a task is about, and whether its result is stored already."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from parsekit.errors import StorageDenied, StorageUnavailable
from parsekit.logs.steps import Step
from parsekit.model import Outcome
from parsekit.pipeline.fetch import ensure_replay
from parsekit.pipeline.task import Task
from parsekit.storage.results import CacheLookup, Result

T = TypeVar("T")
log = logging.getLogger("parsekit.pipeline")


def identify(task: Task) -> None:
    """Learn the fingerprint of the content, without fetching it where the source can tell.

    What an earlier run learned holds only for the object that is there now; a replaced one makes
    the task begin anew.
    """
    if task.content_identified and task.state.fingerprint is not None:
        return
    task.begin_step("look")
    with Step("look", logging.DEBUG):
        content = task.source.stat(task.services.config.limits.replay_bytes)
    if task.request.place == "local":  # a storage notes for itself; of a URL only size is asked
        act = "read" if content.fingerprint is not None else "looked_at"
        task.reporter.trail.record(act, task.request.replay)
    task.content_identified = True
    known, now = task.state.fingerprint, content.fingerprint
    if known is not None and now is not None and known != now:
        log.warning("task %s: %s was replaced", task.request.task_id, task.request.replay)
        task.lock.release()
        task.state = task.state.for_other_content()
    task.update(size_bytes=content.size_bytes)
    if task.state.fingerprint is None:
        task.update(fingerprint=now or ensure_replay(task).sha256)


def lookup(task: Task) -> Outcome | None:
    """The stored result ends the task, when there is one that may be served.

    A task that polls a remote parser, or takes only what itself or the holder of the lock stored,
    skips the look-up until it holds the lock, which saves one of two reads.
    """
    late = task.state.ticket is not None or task.skips_cache
    if late and not task.lock.held:
        return None
    name = task.result_name
    with Step("look up", logging.DEBUG if task.lock.held else logging.INFO) as step:
        found = read_stored(task, lambda: task.results.find(name), CacheLookup())
        task.found_damaged = found.damaged
        servable = found.result is not None and _may_serve(task, found.result)
        step.outcome = "hit" if servable else "miss"
    if found.result is None or not servable:
        return None
    if task.state.ticket is not None:  # a run of this task was cut short once it had stored
        read_stored(task, lambda: task.tickets.drop(name), None)
    path = task.results.path(name)
    return task.outcome().with_result(found.result, output_path=path, found=True)


def read_stored(task: Task, read: Callable[[], T], otherwise: T) -> T:
    """Read what an earlier run stored; for a person, a storage that is away holds nothing."""
    try:
        return read()
    except (StorageUnavailable, StorageDenied) as error:
        if task.services.must_store:
            raise
        log.warning("stored results can't be looked up: %s", error)
        return otherwise


def _may_serve(task: Task, result: Result) -> bool:
    """Without the cache a task still takes its own result, or one that it waited for.

    None of them has a timeline.
    """
    if task.request.timeline:
        return False
    joined = task.state.joined_unix
    waited_for = joined is not None and result.stored_unix >= joined
    return not task.skips_cache or waited_for or result.task_id == task.request.task_id
