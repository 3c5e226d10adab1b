"""Drive one task to its end in this thread, sleeping while it waits; not for a service."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, Protocol

from parsekit.errors import Cancelled
from parsekit.model import Failure, Outcome, Request
from parsekit.pipeline.pipeline import Waiting


class RunsRequests(Protocol):
    """What is needed of a pipeline."""

    def run(self, request: Request, state: Mapping[str, Any] | None = None) -> Outcome | Waiting:
        """See `parsekit.pipeline.pipeline.Pipeline.run`."""
        ...


def drive(
    pipeline: RunsRequests, request: Request, *, stop: threading.Event | None = None
) -> Outcome:
    """Run until there is an outcome; ``stop`` ends the wait with the error `cancelled`."""
    stop = stop or threading.Event()
    state: Mapping[str, Any] | None = None
    while True:
        answer = pipeline.run(request, state)
        if isinstance(answer, Outcome):
            return answer
        if stop.wait(answer.after_s):
            error = Cancelled(f"{request.replay}: stopped while waiting: {answer.reason}")
            return Outcome(
                replay=request.replay, task_id=request.task_id, failure=Failure.of(error)
            )
        state = answer.state
