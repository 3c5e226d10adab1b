"""The pipeline: what every driver calls, with everything that a replay needs on its way.

`Pipeline.run` goes as far as it can now. What has to wait comes back as `Waiting`, and the driver
calls again with its state, in this process or in any other; nothing is done twice by that. The
steps themselves stand in `parsekit.pipeline.run`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from parsekit import events
from parsekit.errors import ParsekitError
from parsekit.model import Outcome, Request
from parsekit.pipeline.release import identify_cut_short, release_held
from parsekit.pipeline.run import advance
from parsekit.pipeline.services import Services
from parsekit.pipeline.state import RunState, Waiting
from parsekit.pipeline.task import Task

__all__ = ["Pipeline", "Waiting"]

log = logging.getLogger("parsekit.pipeline")

#: How long the end of a process waits for a shadow that was stopped, seconds.
SHADOW_STOP_S = 1.0


@dataclass(frozen=True, kw_only=True)
class Pipeline(Services):
    """The life of a replay, for every driver, with the services of this process."""

    def run(
        self, request: Request, state: Mapping[str, Any] | None = None, *, min_progress: float = 0.0
    ) -> Outcome | Waiting:
        """Go as far as possible now. Raises nothing that a replay, caller or plugin can cause.

        ``min_progress`` is the percentage that callers may know from runs of which ``state`` does
        not know, as they were cut short.
        """
        begun = RunState(started_unix=self.clock.now())
        try:
            task = Task(self, request, RunState.from_json(state) if state else begun)
        except ParsekitError as error:
            task = Task(self, request, begun)
            return task.publish_end(task.failed(error))
        task.reporter.progress.reached = max(task.reporter.progress.reached, min_progress)
        if state is None:
            task.reporter.progress.step(events.STARTED)
        return advance(task)

    def refuse(self, request: Request, error: ParsekitError, *, progress: float = 0.0) -> Outcome:
        """End a task that is not to run (any more); ``progress`` is the percentage so far."""
        state = RunState(started_unix=self.clock.now(), progress=progress)
        task = Task(self, request, state)
        return task.publish_end(task.failed(error))

    def release(
        self, request: Request, state: Mapping[str, Any] | None, *, cut_short: bool = False
    ) -> None:
        """Free what a task holds that is not to go on: its lock and its ticket.

        Where a run was ``cut_short``, the task may hold more than its ``state`` knows.
        """
        begun = RunState(started_unix=self.clock.now())
        try:
            task = Task(self, request, RunState.from_json(state) if state else begun)
            if cut_short:
                identify_cut_short(task)
            release_held(task)
        except ParsekitError as error:
            log.warning("task %s: left behind what it held: %s", request.task_id, error)

    def close(self, grace_s: float = 5.0) -> None:
        """End children, let listeners send what they hold, close the storage."""
        if self.shadow is not None:
            self.shadow.stop()
        self.parsers.close()
        if self.shadow is not None and not self.shadow.wait(SHADOW_STOP_S):
            self.shadow.abandon()
        self.listeners.close(grace_s)
        self.storage.close()
