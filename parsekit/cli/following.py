"""What ``parsekit submit`` shows while it sends, and while tasks are under way."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from parsekit.cli.exit import say

if TYPE_CHECKING:
    from parsekit.cli.progress_bar import LiveBar
    from parsekit.client.manifest import Entry

#: Between two lines that say how far it is, where there is no terminal for a bar, seconds.
PROGRESS_EVERY_S = 30.0


class Display(Protocol):
    """Shows how tasks get on (`parsekit.client.submit.Follower`), and how many are done."""

    def expect(self, total: int) -> None:
        """So many replays there are."""

    def changed(self, entry: Entry, state: str, reason: str) -> None:
        """A task's state has changed."""

    def count(self, *, failed: bool) -> None:
        """One was sent, or has ended, and was printed."""


@contextmanager
def displayed(
    *, follow: bool, results_for_programs: bool, total: Callable[[], int]
) -> Iterator[Display]:
    """A live bar on a terminal, else lines; who follows sees each change.

    ``total`` counts the replays, in a thread, as a look through a million takes seconds.
    """
    mixed = results_for_programs and sys.stdout.isatty()
    if mixed or not sys.stderr.isatty():
        display: Display = _Lines() if follow else _Counts()
        _expect(total, display)
        yield display
        return
    from rich.console import Console  # noqa: PLC0415  (40 ms that a pipe need not pay)

    from parsekit.cli.progress_bar import LiveBar  # noqa: PLC0415

    with LiveBar(Console(stderr=True), single=False) as bar:
        display = _Bar(bar)
        _expect(total, display)
        yield display


def _expect(total: Callable[[], int], display: Display) -> None:
    threading.Thread(target=lambda: display.expect(total()), daemon=True).start()


class _Counts:
    """A line now and then: how many, how fast, and how long it will take."""

    def __init__(self) -> None:
        self._total = 0
        self._done = 0
        self._said = (0, time.monotonic())

    def expect(self, total: int) -> None:
        self._total = total

    def changed(self, entry: Entry, state: str, reason: str) -> None:
        pass

    def count(self, *, failed: bool) -> None:
        del failed
        self._done += 1
        before, at = self._said
        now = time.monotonic()
        if now - at > PROGRESS_EVERY_S:
            self._said = (self._done, now)
            say(progress_line(self._done, self._total, (self._done - before) / (now - at)))


def progress_line(done: int, total: int, per_s: float) -> str:
    """Such as ``12000 of 1000000 replays, 310/s, 0:53:08 left``; the total is 0 while unknown."""
    if not total:
        return f"{done} replays, {per_s:.0f}/s"
    left = timedelta(seconds=round(max(total - done, 0) / per_s))
    return f"{done} of {total} replays, {per_s:.0f}/s, {left} left"


class _Lines(_Counts):
    """A task's end is shown by its outcome."""

    def changed(self, entry: Entry, state: str, reason: str) -> None:
        if words := _words(state, reason):
            say(f"{entry.replay} {words}")


class _Bar:
    def __init__(self, bar: LiveBar) -> None:
        self._bar = bar

    def expect(self, total: int) -> None:
        self._bar.expect(total)

    def changed(self, entry: Entry, state: str, reason: str) -> None:
        del entry
        if words := _words(state, reason):
            self._bar.step(words)

    def count(self, *, failed: bool) -> None:
        self._bar.count(failed=failed)


def _words(state: str, reason: str) -> str:
    """What is worth a line before the end; "" for the rest."""
    if state == "WAITING":
        return f"waiting: {reason}" if reason else "waiting"
    return "started" if state == "STARTED" else ""
