"""Download the replay of a task and check it, once a run."""

from __future__ import annotations

from parsekit import events
from parsekit.errors import StorageUnavailable
from parsekit.model import Replay
from parsekit.pipeline.task import Task
from parsekit.storage.fetch import fetch
from parsekit.storage.workspace import workspace


def ensure_replay(task: Task) -> Replay:
    """The checked file, downloaded by the first call of a run.

    Raises as `fetch`, and `StorageUnavailable` where it is not the content that was looked up.
    """
    if task.replay is None:
        task.begin_step("fetch")
        task.reporter.progress.step(events.FETCHING)
        if task.request.place == "local":
            task.reporter.trail.record("read", task.request.replay)
        got = fetch(
            task.source,
            task.request.replay,
            task.cleanup.enter_context(workspace()),
            max_bytes=task.services.config.limits.replay_bytes,
            clock=task.services.clock,
        )
        if not got.is_of(task.state.fingerprint):
            task.update(fingerprint=None, joined_unix=None)
            raise StorageUnavailable(f"{task.request.replay}: changed while it was read")
        replay = got.replay
        task.update(get_ms=got.get_ms, sha256=replay.sha256, size_bytes=replay.size_bytes)
        task.replay = replay
    return task.replay
