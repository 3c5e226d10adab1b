"""What ``parsekit submit --follow`` shows while tasks are under way."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from parsekit.cli.exit import say

if TYPE_CHECKING:
    from parsekit.cli.progress_bar import LiveBar
    from parsekit.client.manifest import Entry


class Display(Protocol):
    """Shows how tasks get on (`parsekit.client.submit.Follower`), and of their ends."""

    def expect(self, total: int) -> None:
        """So many replays there are."""

    def changed(self, entry: Entry, state: str, reason: str) -> None:
        """A task's state has changed."""

    def count(self, *, failed: bool) -> None:
        """One has ended, and its outcome was printed."""


@contextmanager
def displayed(*, follow: bool, results_for_programs: bool) -> Iterator[Display]:
    """A live bar on a terminal, else a line for each change; nothing for who does not follow."""
    mixed = results_for_programs and sys.stdout.isatty()
    if not follow:
        yield _Nothing()
    elif mixed or not sys.stderr.isatty():
        yield _Lines()
    else:
        from rich.console import Console  # noqa: PLC0415  (40 ms that a pipe need not pay)

        from parsekit.cli.progress_bar import LiveBar  # noqa: PLC0415

        with LiveBar(Console(stderr=True), single=False) as bar:
            yield _Bar(bar)


class _Nothing:
    def expect(self, total: int) -> None:
        pass

    def changed(self, entry: Entry, state: str, reason: str) -> None:
        pass

    def count(self, *, failed: bool) -> None:
        pass


class _Lines(_Nothing):
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
