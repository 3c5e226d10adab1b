"""Tell listeners what happens, each in a thread of its own, so that none can hurt a parse.

A listener that raises is named in the log. One that is slow or hangs delays only itself: what it
can't take in time is counted and dropped, and the others and the parse go on.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from typing import Any

from parsekit.events import AnalyticsEvent, AuditEvent, DifferenceEvent, ProgressEvent
from parsekit.host.host import Host
from parsekit.session import Session

log = logging.getLogger("parsekit.listeners")

#: Events that one listener may have waiting; a task makes about five.
MAILBOX_SIZE = 1000
#: How long the end of a task waits for each listener to take its last events, seconds.
FINAL_WAIT_S = 2.0

_HOOKS = (
    "parsekit_open",
    "parsekit_progress",
    "parsekit_analytics",
    "parsekit_audit",
    "parsekit_difference",
    "parsekit_close",
)
Call = tuple[str, dict[str, Any], threading.Event]


class Mailbox:
    """One plugin's events, handed over in order by one daemon thread."""

    def __init__(self, owner: str, functions: dict[str, Callable[..., Any]]) -> None:
        self.owner = owner
        self.lost = 0
        self._functions = functions
        self._calls: queue.Queue[Call | None] = queue.Queue(MAILBOX_SIZE)
        name = f"parsekit-listener-{owner}"
        self._thread = threading.Thread(target=self._serve, daemon=True, name=name)
        self._thread.start()

    def hears(self, hook: str) -> bool:
        """Whether the plugin listens to this hook."""
        return hook in self._functions

    def put(self, hook: str, given: dict[str, Any]) -> threading.Event:
        """Hand over a call; the answer is set once the plugin has returned from it."""
        done = threading.Event()
        if hook not in self._functions:
            done.set()
            return done
        try:
            self._calls.put_nowait((hook, given, done))
        except queue.Full:
            self._lose()
            done.set()
        return done

    def end(self) -> None:
        """Let the thread end after what is waiting."""
        try:
            self._calls.put_nowait(None)
        except queue.Full:
            self._lose()

    def _serve(self) -> None:
        while (call := self._calls.get()) is not None:
            hook, given, done = call
            try:
                self._functions[hook](**given)
            except Exception:
                log.exception("listener %s failed in %s", self.owner, hook)
            finally:
                done.set()

    def _lose(self) -> None:
        self.lost += 1
        if self.lost == 1:
            log.error("listener %s hangs or is too slow; its events are dropped", self.owner)


class Listeners:
    """Every listener of a host, in this process. Make it after a fork, never before."""

    def __init__(self, host: Host) -> None:
        by_owner: dict[str, dict[str, Callable[..., Any]]] = {}
        for hook in _HOOKS:
            for owner, function in host.listeners(hook):
                by_owner.setdefault(owner, {})[hook] = function
        self._boxes = [Mailbox(owner, functions) for owner, functions in by_owner.items()]
        self._hanging: set[str] = set()

    @property
    def lost(self) -> dict[str, int]:
        """Plugin to the number of its events that were dropped."""
        return {box.owner: box.lost for box in self._boxes}

    def open(self, session: Session) -> None:
        """Tell all that work begins."""
        self._tell("parsekit_open", session=session)

    def progress(self, event: ProgressEvent) -> None:
        """Tell a step; the final one is waited for."""
        handed = self._tell("parsekit_progress", event=event)
        if event.final:
            self._wait(handed, FINAL_WAIT_S)

    def analytics(self, event: AnalyticsEvent) -> None:
        """Tell the end of a task, and wait until each listener took it."""
        self._wait(self._tell("parsekit_analytics", event=event), FINAL_WAIT_S)

    def audit(self, event: AuditEvent) -> None:
        """Tell what was done, and wait until each listener took it."""
        self._wait(self._tell("parsekit_audit", event=event), FINAL_WAIT_S)

    def difference(self, event: DifferenceEvent) -> None:
        """Tell a difference; nobody waits for it."""
        self._tell("parsekit_difference", event=event)

    def close(self, grace_s: float) -> None:
        """Let listeners send what they hold, for ``grace_s`` seconds at most."""
        self._wait(self._tell("parsekit_close", grace_s=grace_s), grace_s)
        for box in self._boxes:
            box.end()

    def _tell(self, hook: str, **given: Any) -> list[tuple[str, threading.Event]]:
        return [(box.owner, box.put(hook, given)) for box in self._boxes if box.hears(hook)]

    def _wait(self, handed: list[tuple[str, threading.Event]], seconds: float) -> None:
        """Wait for each; who did not come back once is not waited for until it does."""
        for owner, done in handed:
            patience = 0.0 if owner in self._hanging else seconds
            if done.wait(patience):
                self._hanging.discard(owner)
            elif owner not in self._hanging:
                self._hanging.add(owner)
                log.error("listener %s did not return within %g s", owner, seconds)
