"""Deliver events to listeners in order: one thread for all of them, and one more for each slow one.

A handover between threads costs more than a quick listener's work, so listeners share a thread as
long as each returns at once. One that keeps the thread is left alone with it, and another thread
goes on for the others from where this one stood; one that is slow gets a thread of its own too.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

log = logging.getLogger("parsekit.listeners")

#: A listener that keeps the shared thread for longer is left alone with it, seconds.
SLOW_CALL_S = 0.25
#: One that takes longer than this on average gets a thread of its own, seconds.
PACE_S = 0.01
#: What the last call counts in that average.
_WEIGHT = 1 / 16
#: Calls that may wait for a listener with a thread of its own.
MAILBOX_SIZE = 1000
#: Calls that may wait for all others: so many come in `SLOW_CALL_S` at ten times the largest rate.
MOST_WAITING = 10_000


class Delivery:
    """Which listeners have not returned from an event yet; ``done`` is set once all have."""

    def __init__(self, owners: Counter[str]) -> None:
        self._owed = owners
        self._lock = threading.Lock()
        self.done = threading.Event()

    def returned(self, owner: str) -> None:
        """One call of this owner is over, or was given up."""
        with self._lock:
            self._owed[owner] -= 1
            if self._owed[owner] == 0:
                del self._owed[owner]
            if not self._owed:
                self.done.set()

    def pending(self) -> set[str]:
        """Owners that have not returned from all of it."""
        with self._lock:
            return set(self._owed)


class Listener:
    """One plugin that listens.

    ``lost`` counts events that it was too slow to take; ``hangs`` is set by who waited in vain, and
    taken back when the plugin returns after all.
    """

    def __init__(self, owner: str, functions: Mapping[str, Callable[..., Any]]) -> None:
        self.owner = owner
        self.functions = functions
        self.lost = 0
        self.hangs = False
        self.mailbox: queue.Queue[EventCall | None] | None = None
        self._mean_s = 0.0

    def handle(self, call: EventCall) -> None:
        """Call the plugin; what it raises is logged."""
        began = time.monotonic()
        try:
            self.functions[call.hook](**call.given)
        except BaseException:  # a plugin may raise anything, and the thread is for others too
            log.exception("listener %s failed in %s", self.owner, call.hook)
        self._mean_s += _WEIGHT * (time.monotonic() - began - self._mean_s)
        self.hangs = False
        call.finish()

    @property
    def slow(self) -> bool:
        """Whether it keeps others waiting."""
        return self._mean_s > PACE_S

    def use_own_thread(self) -> None:
        """Take events from a mailbox of its own from now on."""
        self.mailbox = queue.Queue(MAILBOX_SIZE)

    def serve(self) -> None:
        """Handle what comes to the mailbox, until None comes."""
        if self.mailbox is None:
            raise RuntimeError("a listener without a mailbox")
        while (call := self.mailbox.get()) is not None:
            self.handle(call)

    def enqueue(self, call: EventCall) -> None:
        """Put into the mailbox; dropped when that is full."""
        try:
            if self.mailbox is not None:
                self.mailbox.put_nowait(call)
        except queue.Full:
            self.drop(call)

    def drop(self, call: EventCall) -> None:
        """Drop an event."""
        self.lost += 1
        if self.lost == 1:
            log.error("listener %s hangs or is too slow; its events are dropped", self.owner)
        call.finish()


@dataclass(frozen=True, slots=True)
class EventCall:
    """One event for one listener."""

    listener: Listener
    hook: str
    given: Mapping[str, Any]
    receipt: Delivery | None

    def finish(self) -> None:
        """Nothing more comes of it."""
        if self.receipt is not None:
            self.receipt.returned(self.listener.owner)


@dataclass(frozen=True, slots=True, eq=False)
class _CurrentCall:
    """The call that the shared thread makes, since when (monotonic seconds)."""

    call: EventCall
    since: float


class EventDispatcher:
    """The threads of one process; the first starts with the first call."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[Sequence[EventCall] | None] = queue.SimpleQueue()
        self._calls = self._next_calls()
        self._lock = threading.Lock()
        self._current: _CurrentCall | None = None
        self._started = False
        self._with_own_thread: list[Listener] = []

    def put(self, calls: Sequence[EventCall]) -> None:
        """Take calls, to be made in this order."""
        self.replace_stuck_thread()
        if self._waiting.qsize() > MOST_WAITING:
            for call in calls:
                call.listener.drop(call)
            return
        self._waiting.put(calls)
        if not self._started:
            self._start()

    def replace_stuck_thread(self) -> None:
        """Let another thread go on, where a listener keeps the shared one."""
        current = self._current
        if current is None or time.monotonic() - current.since < SLOW_CALL_S:
            return
        with self._lock:
            if self._current is not current:
                return
            self._current = None
            self._use_own_thread(current.call.listener)
        _thread(self._serve, "parsekit-listeners")

    def close(self) -> None:
        """Let the threads end, after what waits."""
        self._waiting.put(None)
        for listener in self._with_own_thread:
            if listener.mailbox is not None:
                threading.Thread(target=listener.mailbox.put, args=(None,), daemon=True).start()

    def _start(self) -> None:
        with self._lock:
            if self._started:
                return
            self._started = True
        _thread(self._serve, "parsekit-listeners")

    def _next_calls(self) -> Iterator[EventCall]:
        while (calls := self._waiting.get()) is not None:
            yield from calls

    def _serve(self) -> None:
        for call in self._calls:
            listener = call.listener
            if listener.mailbox is not None:
                listener.enqueue(call)
                continue
            current = self._current = _CurrentCall(call, time.monotonic())
            listener.handle(call)
            if not self._finished(current):
                listener.serve()
                return
            if listener.slow:
                self._use_own_thread(listener)
                _thread(listener.serve, f"parsekit-listener-{listener.owner}")

    def _finished(self, current: _CurrentCall) -> bool:
        """Whether this thread is still the shared one, now that the call is over."""
        with self._lock:
            if self._current is not current:
                return False
            self._current = None
            return True

    def _use_own_thread(self, listener: Listener) -> None:
        listener.use_own_thread()
        self._with_own_thread.append(listener)


def _thread(target: Callable[[], None], name: str) -> None:
    threading.Thread(target=target, daemon=True, name=name).start()
