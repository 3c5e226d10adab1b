"""Progress on a terminal: a live bar, also as a listener that the command line registers."""

from __future__ import annotations

import sys
import threading
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from parsekit.events import ProgressEvent
from parsekit.hookspecs import hookimpl
from parsekit.redaction.terminal_text import printable

#: Cells for what is being done, so that the bar does not jump.
_MESSAGE_WIDTH = 32


class LiveBar:
    """A bar on standard error: one replay's percentage, or counts of many.

    While it is shown, what is printed on the same terminal appears above it. It leaves no
    trace. May be called from any thread.
    """

    def __init__(self, console: Console, *, single: bool) -> None:
        self._failed = 0
        self._lock = threading.Lock()
        columns = _one_replay() if single else _many_replays()
        self._progress = Progress(
            *columns,
            console=console,
            transient=True,
            redirect_stdout=sys.stdout.isatty(),  # results in a pipe stay there
        )
        self._bar = self._progress.add_task("", total=100 if single else None)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def expect(self, total: int) -> None:
        """Set how many replays there are, once that is known."""
        self._progress.update(self._bar, total=total)

    def step(self, message: str, percent: float | None = None) -> None:
        """Show what is being done, and of a single replay how far it is."""
        shown = printable(message)[:_MESSAGE_WIDTH]
        self._progress.update(self._bar, completed=percent, description=shown)

    def count(self, *, failed: bool) -> None:
        """One of many replays has ended."""
        with self._lock:
            self._failed += failed
            shown = f", {self._failed} failed" if self._failed else ""
        self._progress.update(self._bar, advance=1, failed=shown)


class TerminalProgress(LiveBar):
    """The bar as a listener."""

    def __init__(self, console: Console, *, single: bool) -> None:
        super().__init__(console, single=single)
        self._single = single

    @hookimpl
    def parsekit_progress(self, event: ProgressEvent) -> None:
        """Show one step of one replay."""
        if self._single:
            self.step(event.message, event.value)
        elif not event.final:
            self.step(event.message)
        else:
            self.count(failed=event.status == "Error")


def _one_replay() -> tuple[ProgressColumn, ...]:
    return (SpinnerColumn(), _message(), BarColumn(), TaskProgressColumn())


def _many_replays() -> tuple[ProgressColumn, ...]:
    return (_message(), BarColumn(), _Counts(), _Rate(), TimeRemainingColumn(compact=True))


def _message() -> TextColumn:
    return TextColumn("{task.description}", markup=False)


class _Counts(ProgressColumn):
    """Such as ``12/27, 2 failed``; the total is known a moment after the start."""

    def render(self, task: Task) -> Text:
        total = "?" if task.total is None else f"{task.total:.0f}"
        return Text(f"{task.completed:.0f}/{total}{task.fields.get('failed', '')}")


class _Rate(ProgressColumn):
    """Replays a second."""

    def render(self, task: Task) -> Text:
        return Text("" if task.speed is None else f"{task.speed:.1f}/s")
