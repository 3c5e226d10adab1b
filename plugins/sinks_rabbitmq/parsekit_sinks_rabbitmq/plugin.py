"""The hooks: progress to the caller's queue, analytics to the configured one.

What sends is imported once ``transport.url`` is set.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from pydantic import BaseModel

from parsekit import AnalyticsEvent, Check, Metric, ProgressEvent, Session, WaitEvent, hookimpl
from parsekit_sinks_rabbitmq.settings import TransportSettings, queues_of_the_service

if TYPE_CHECKING:
    from parsekit_sinks_rabbitmq.metrics import SinkSnapshot
    from parsekit_sinks_rabbitmq.sender import Sender

#: Folder of the outboxes, in the data folder.
SPOOL = "spool"
#: How long steps of a task may still be sent once it waits, seconds; less when it goes on sooner.
LEAVE_S = 1.0


class RabbitSinks:
    """Does nothing unless ``transport.url`` is set.

    A sender is made with the first event of each process and never shared with its children:
    they find none under their own id, and the parent's connection and locks stay untouched.
    """

    def __init__(self) -> None:
        self._make: Callable[[], Sender] | None = None
        self._senders: dict[int, Sender] = {}
        self._analytics_queue = ""
        self._reserved: frozenset[str] = frozenset()

    @hookimpl
    def parsekit_register_sections(self, register: Callable[[str, type[BaseModel]], None]) -> None:
        """Own the section ``transport``."""
        register("transport", TransportSettings)

    @hookimpl
    def parsekit_open(self, session: Session) -> None:
        """Read the settings; nothing is connected here.

        A worker's sender begins at once, for what others have left; any other with an event.
        """
        settings = session.config.section(TransportSettings)
        if settings.url is None:
            self._make = None
            return
        from parsekit_sinks_rabbitmq.sender import Sender  # noqa: PLC0415

        self._analytics_queue = settings.analytics_queue
        self._reserved = queues_of_the_service(session.config.sections) | {self._analytics_queue}
        folder = session.data_dir / SPOOL
        self._make = lambda: Sender(settings.broker, settings.analytics_queue, folder)
        if session.role == "worker" and (sender := self._sender()) is not None:
            sender.begin()

    @hookimpl
    def parsekit_progress(self, event: ProgressEvent) -> None:
        """Send the step to the queue that the caller named, if any."""
        sender = self._sender()
        if sender is None or event.queue is None:
            return
        from parsekit_sinks_rabbitmq.message import of_progress, queue_fault  # noqa: PLC0415

        fault = queue_fault(event.queue)
        if fault is None and event.queue in self._reserved:
            fault = "is a queue of the service itself"
        if fault is not None:
            detail = f"progress queue {event.queue[:80]!r} {fault}"
            sender.counters.dropped("progress", "bad_queue", detail)
            return
        try:
            sender.put(of_progress(event, event.queue, sender.windows.of(event.task_id)))
        except (TypeError, ValueError) as exc:
            sender.counters.dropped("progress", "not_json", f"task {event.task_id[:80]!r}: {exc}")

    @hookimpl
    def parsekit_waits(self, event: WaitEvent) -> None:
        """Send the task's steps before another process can go on with it, or not at all."""
        sender = self._sender() if event.queue is not None else None
        if sender is not None:
            passed_s = time.time() - event.at_unix
            sender.windows.close(event.task_id, min(event.after_s, LEAVE_S) - passed_s)

    @hookimpl
    def parsekit_analytics(self, event: AnalyticsEvent) -> None:
        """Store the event in the outbox; it is sent from there."""
        if (sender := self._sender()) is not None:
            from parsekit_sinks_rabbitmq.message import of_analytics  # noqa: PLC0415

            sender.put(of_analytics(event, self._analytics_queue))

    @hookimpl
    def parsekit_close(self, grace_s: float) -> None:
        """Send what waits, and rest until the next `parsekit_open`."""
        self._make = None
        if (sender := self._senders.pop(os.getpid(), None)) is not None:
            sender.close(grace_s)

    @hookimpl
    def parsekit_register_checks(
        self, session: Session, register: Callable[[str, Callable[[], list[Check]]], None]
    ) -> None:
        """Let ``parsekit doctor`` try the broker."""
        settings = session.config.section(TransportSettings)
        if settings.url is not None:
            register("rabbitmq", lambda: _check(settings))

    @hookimpl
    def parsekit_metrics(self) -> Iterable[Metric]:
        """Report what was sent, what waits and what was lost."""
        snapshot = self.snapshot()
        if snapshot is None:
            return ()
        from parsekit_sinks_rabbitmq.metrics import metrics_of  # noqa: PLC0415

        return metrics_of(snapshot)

    def snapshot(self) -> SinkSnapshot | None:
        """What this process has sent and lost; None when it has sent nothing."""
        sender = self._senders.get(os.getpid())
        return sender.snapshot() if sender else None

    def _sender(self) -> Sender | None:
        pid = os.getpid()
        if self._make is not None and pid not in self._senders:
            # Two threads may both make one; it has started nothing yet, and one of them stays.
            self._senders.setdefault(pid, self._make())
        return self._senders.get(pid)


def _check(settings: TransportSettings) -> list[Check]:
    from parsekit_sinks_rabbitmq.checks import check_broker  # noqa: PLC0415  (kombu takes 0.1 s)

    return check_broker(settings)
