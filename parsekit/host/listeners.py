"""Publish events to listeners, so that none can hurt a parse or another listener.

A listener that raises is named in the log. One that is slow or hangs delays only itself: what it
can't take in time is counted and dropped, and the others and the parse go on.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from parsekit.events import (
    AnalyticsEvent,
    AuditEvent,
    DifferenceEvent,
    ProgressEvent,
    WaitEvent,
)
from parsekit.host.dispatcher import SLOW_CALL_S, Delivery, EventCall, EventDispatcher, Listener
from parsekit.host.host import Host
from parsekit.host.session import Session

log = logging.getLogger("parsekit.listeners")

#: How long the end of a task waits for each listener to take its last events, seconds.
FINAL_WAIT_S = 2.0

Event = ProgressEvent | WaitEvent | AnalyticsEvent | AuditEvent | DifferenceEvent
_HOOKS: dict[type[Event], str] = {
    ProgressEvent: "parsekit_progress",
    WaitEvent: "parsekit_waits",
    AnalyticsEvent: "parsekit_analytics",
    AuditEvent: "parsekit_audit",
    DifferenceEvent: "parsekit_difference",
}
_OPEN, _CLOSE = "parsekit_open", "parsekit_close"


class Listeners:
    """Every listener of a host, in this process. Make it after a fork, never before."""

    def __init__(self, host: Host) -> None:
        functions: dict[str, dict[str, Callable[..., Any]]] = {}
        for hook in (_OPEN, *_HOOKS.values(), _CLOSE):
            for owner, function in host.listeners(hook):
                functions.setdefault(owner, {})[hook] = function
        self._listeners = [Listener(*each) for each in functions.items()]
        self._dispatcher = EventDispatcher()

    @property
    def lost(self) -> dict[str, int]:
        """Plugin to the number of its events that were dropped."""
        return {listener.owner: listener.lost for listener in self._listeners}

    def open(self, session: Session) -> None:
        """Announce to all that work begins."""
        self._put([(_OPEN, {"session": session})], waited_for=False)

    def publish(self, *events: Event) -> None:
        """Publish in this order; nobody waits for it."""
        self._put([(_HOOKS[type(event)], {"event": event}) for event in events], waited_for=False)

    def deliver(self, *events: Event) -> None:
        """Publish in this order, and wait until each listener took all of it."""
        given = [(_HOOKS[type(event)], {"event": event}) for event in events]
        self._wait(self._put(given, waited_for=True), FINAL_WAIT_S)

    def close(self, grace_s: float) -> None:
        """Let listeners send what they hold, for ``grace_s`` seconds at most."""
        self._wait(self._put([(_CLOSE, {"grace_s": grace_s})], waited_for=True), grace_s)
        self._dispatcher.close()

    def _put(self, given: list[tuple[str, dict[str, Any]]], *, waited_for: bool) -> Delivery | None:
        """Hand over; the receipt is None where nobody is waited for.

        Who did not come back once is not waited for until it does.
        """
        calls = [
            (listener, hook, event)
            for hook, event in given
            for listener in self._listeners
            if hook in listener.functions
        ]
        owners = Counter(listener.owner for listener, _, _ in calls if not listener.hangs)
        receipt = Delivery(owners) if waited_for and owners else None
        self._dispatcher.put([EventCall(*it, None if it[0].hangs else receipt) for it in calls])
        return receipt

    def _wait(self, receipt: Delivery | None, seconds: float) -> None:
        if receipt is None:
            return
        end = time.monotonic() + seconds
        while not receipt.done.wait(min(SLOW_CALL_S, max(0.0, end - time.monotonic()))):
            self._dispatcher.replace_stuck_thread()
            if time.monotonic() >= end:
                self._mark_hanging(receipt.pending(), seconds)
                return

    def _mark_hanging(self, pending: set[str], seconds: float) -> None:
        for listener in self._listeners:
            if listener.owner in pending and not listener.hangs:
                listener.hangs = True
                log.error("listener %s did not return within %g s", listener.owner, seconds)
