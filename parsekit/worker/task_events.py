"""Celery's task events, which Flower and exporters read: silent until somebody asks for them.

Asking is ``worker --task-events``, ``celery.task_events``, or the remote command
``enable_events``, which Flower sends by itself. Celery has a worker that runs without heartbeats
answer it "event dispatcher unavailable", and one with heartbeats publish them, consumed or not.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from celery.app.events import Events
from celery.events.dispatcher import EventDispatcher

#: Events that the broker would not take are sent once it is back, but no more of them.
_MOST_KEPT = 1000


class TaskEvents(Events):
    """Celery's events with the dispatcher of this module; named by `Celery`'s ``events``."""

    dispatcher_cls = f"{__name__}:OnDemandDispatcher"


class OnDemandDispatcher(EventDispatcher):
    """Sends nothing, heartbeats neither, while task events are off; never waits for the broker."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._outbound_buffer: deque[Any] = deque(maxlen=_MOST_KEPT)

    def send(self, type: str, *args: Any, **fields: Any) -> Any:  # noqa: A002  (Celery's name)
        """Publish an event, once: Celery's heartbeats would hold the worker's loop until sent."""
        if self.groups and "task" not in self.groups:
            return None
        return super().send(type, *args, **{**fields, "retry": False})
