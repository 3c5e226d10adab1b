"""A task's progress as it is published: percentages that never fall, exactly one final event."""

from __future__ import annotations

from parsekit import events
from parsekit.events import AnalyticsEvent, ProgressEvent, Status
from parsekit.host.listeners import Listeners
from parsekit.model import Outcome, Request
from parsekit.redaction.secrets import cleaned


class ProgressReporter:
    """Publishes the progress of one task. ``reached`` is the highest percentage so far."""

    def __init__(self, listeners: Listeners, request: Request, reached: float = 0.0) -> None:
        self._listeners = listeners
        self._request = request
        self.reached = reached

    def step(self, at: tuple[float, str]) -> None:
        """Publish one of the steps that the contract names."""
        self._publish(at[0], at[1])

    def parser_step(self, value: float, message: str) -> None:
        """Publish what the parser says, within the range that is the parser's."""
        low, high = events.PARSER_RANGE
        self._publish(min(high, max(low, value)), cleaned(message))

    def end(self, outcome: Outcome) -> ProgressEvent:
        """Make the final event: Complete with the result, or Error with the reason."""
        value, message = events.COMPLETE
        if outcome.failure is None:
            return self._event("Complete", value, message, outcome)
        return self._event("Error", self.reached, outcome.failure.message, outcome)

    def _publish(self, value: float, message: str) -> None:
        self._listeners.publish(self._event("Pending", value, message))

    def _event(
        self, status: Status, value: float, message: str, outcome: Outcome | None = None
    ) -> ProgressEvent:
        self.reached = max(self.reached, value)
        return ProgressEvent(
            task_id=self._request.task_id,
            replay=self._request.shown,
            status=status,
            value=self.reached,
            message=message,
            queue=self._request.progress_queue,
            outcome=outcome,
        )


def analytics_event(request: Request, outcome: Outcome, now_unix: float) -> AnalyticsEvent:
    """The one analytics event of a task; its id is the same however often the task is delivered."""
    stem = request.replay.rsplit("/", 1)[-1].split(".", 1)[0]
    known_as = stem if request.place == "storage" else outcome.hash or stem
    return AnalyticsEvent(
        event_id=f"{request.event_stem}.parseReplay",
        task_id=request.task_id,
        hash=known_as,
        at_unix=now_unix,
        outcome=outcome,
    )
