"""Ctrl-C: the first one ends the work cleanly, the second one ends everything at once."""

from __future__ import annotations

import os
import signal
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event, Thread
from types import FrameType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SHOW_CURSOR = b"\x1b[?25h"
#: Takes the place of a live bar, which comes back below.
_CLEAR_LINE = b"\r\x1b[2K"
_ASKED = b"stopping: what has begun is finished; press Ctrl-C again to stop at once\n"
#: Where a bar is shown.
_STDERR = 2


@dataclass(slots=True)
class Interrupt:
    """``stop`` is set at the first signal; ``number`` is which one it was.

    ``restore_terminal`` is called before a signal ends the process.
    """

    restore_terminal: Callable[[], None]
    stop: Event = field(default_factory=Event)
    number: int | None = None

    @property
    def exit_code(self) -> int:
        """As shells report a signal: 130 for Ctrl-C. Only after a signal."""
        return 128 + (self.number or signal.SIGINT)

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Note the first signal; the next one is deadly."""
        del frame
        self.number = number
        # the main thread may hold the event's lock just now, and would wait for itself for ever
        Thread(target=self.stop.set).start()
        for each in _SIGNALS:
            if signal.getsignal(each) == self.handle:
                signal.signal(each, self.die)
        _write(_CLEAR_LINE + _ASKED if os.isatty(_STDERR) else _ASKED)

    def die(self, number: int, frame: FrameType | None) -> None:
        """End this process by the signal; its children are ended by the kernel."""
        del frame
        if os.isatty(_STDERR):
            _write(_SHOW_CURSOR)
        self.restore_terminal()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)


def _write(message: bytes) -> None:
    """Write without Python's buffers: the handler may have interrupted a print()."""
    with suppress(OSError):
        os.write(_STDERR, message)


@contextmanager
def _keys_not_shown() -> Iterator[Callable[[], None]]:
    """Have the terminal show no ``^C``, which would stand behind a live bar and break its line.

    Answers what makes it as it was. Nothing happens in the background: to change a terminal's
    settings from there stops a process.
    """
    before: list[Any] | None = None
    if _in_foreground():
        before = termios.tcgetattr(_STDERR)
        quiet = [*before]
        quiet[3] &= ~termios.ECHOCTL
        termios.tcsetattr(_STDERR, termios.TCSANOW, quiet)

    def restore() -> None:
        if before is not None and _in_foreground():
            termios.tcsetattr(_STDERR, termios.TCSANOW, before)

    try:
        yield restore
    finally:
        restore()


def _in_foreground() -> bool:
    try:
        return os.tcgetpgrp(_STDERR) == os.getpgrp()
    except OSError:  # no terminal, or none of ours
        return False


@contextmanager
def interruptible() -> Iterator[Interrupt]:
    """Handle the signals for the length of the block, in the main thread.

    One that our parent ignores, as shells do for jobs in the background, stays ignored.
    """
    with _keys_not_shown() as restore_terminal:
        interrupt = Interrupt(restore_terminal)
        handled = [each for each in _SIGNALS if signal.getsignal(each) is not signal.SIG_IGN]
        before = {each: signal.signal(each, interrupt.handle) for each in handled}
        try:
            yield interrupt
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)
