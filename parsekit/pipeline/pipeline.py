"""The pipeline: what every driver calls, with everything that a replay needs on its way.

`Pipeline.run` goes as far as it can now. What has to wait comes back as `Waiting`, and the driver
calls again with its state, in this process or in any other; nothing is done twice by that. The
steps themselves stand in `parsekit.pipeline.run`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from parsekit import events
from parsekit.clock import Clock
from parsekit.config import Config
from parsekit.errors import ParsekitError
from parsekit.host.listeners import Listeners
from parsekit.model import Outcome, Request
from parsekit.parsers.runner import Parsers
from parsekit.pipeline.attempts import Attempts
from parsekit.pipeline.locks import LocalLocks, Locks
from parsekit.pipeline.reports import Reports
from parsekit.pipeline.run import Road
from parsekit.pipeline.state import RunState, Waiting
from parsekit.providers import Storage
from parsekit.retry import RetryPolicy
from parsekit.shadow.runner import Shadow
from parsekit.storage.signing import Signer

__all__ = ["Pipeline", "Waiting"]

log = logging.getLogger("parsekit.pipeline")

#: How long the end of a process waits for a shadow that was stopped, seconds.
SHADOW_STOP_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """The road that every driver takes. Used from several threads at once, one a process.

    ``must_store`` False lets a task succeed, with a warning, whose result can't be stored: right
    for a person at a terminal, wrong for a service. ``storage_retry`` is how patient it is with a
    storage that is away. ``interruption`` answers the error with which a task has to end, by its
    id, once somebody wants that: it is asked between steps.
    """

    config: Config
    parsers: Parsers
    storage: Storage
    listeners: Listeners
    locks: Locks = field(default_factory=LocalLocks)
    attempts: Attempts | None = None
    reports: Reports | None = None
    shadow: Shadow | None = None
    signer: Signer | None = None
    clock: Clock = field(default_factory=Clock)
    storage_retry: RetryPolicy = field(default_factory=RetryPolicy)
    must_store: bool = True
    interruption: Callable[[str], ParsekitError | None] = lambda _task_id: None

    def run(
        self, request: Request, state: Mapping[str, Any] | None = None, *, told: float = 0.0
    ) -> Outcome | Waiting:
        """Go as far as possible now. Raises nothing that a replay, caller or plugin can cause.

        ``told`` is the percentage that callers may have been told by runs of which ``state`` does
        not know, as they were cut short.
        """
        begun = RunState(started_unix=self.clock.now())
        try:
            road = Road(self, request, RunState.from_json(state) if state else begun)
        except ParsekitError as error:
            road = Road(self, request, begun)
            return road.report(road.failed(error))
        road.teller.reached = max(road.teller.reached, told)
        if state is None:
            road.teller.step(events.STARTED)
        return road.advance()

    def refuse(self, request: Request, error: ParsekitError, *, progress: float = 0.0) -> Outcome:
        """End a task that is not to run (any more); ``progress`` is what was told of it so far."""
        state = RunState(started_unix=self.clock.now(), progress=progress)
        road = Road(self, request, state)
        return road.report(road.failed(error))

    def let_go(
        self, request: Request, state: Mapping[str, Any] | None, *, cut_short: bool = False
    ) -> None:
        """Free what a task holds that is not to go on: its lock and its ticket.

        Where a run was ``cut_short``, the task may hold more than its ``state`` knows.
        """
        begun = RunState(started_unix=self.clock.now())
        try:
            road = Road(self, request, RunState.from_json(state) if state else begun)
            if cut_short:
                road.recall()
            road.let_go()
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
