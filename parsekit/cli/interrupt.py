"""Ctrl-C: the first one ends the work cleanly, the second one ends everything at once."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event, Thread
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SHOW_CURSOR = b"\x1b[?25h"
_ASKED = b"\nstopping: what has begun is finished; press Ctrl-C again to stop at once\n"


@dataclass(slots=True)
class Interrupt:
    """``stop`` is set at the first signal; ``number`` is which one it was."""

    stop: Event = field(default_factory=Event)
    number: int | None = None

    @property
    def exit_code(self) -> int:
        """As shells report a signal: 130 for Ctrl-C. Only after a signal."""
        return 128 + (self.number or signal.SIGINT)

    def hear(self, number: int, frame: FrameType | None) -> None:
        """Note the first signal; the next one is deadly."""
        del frame
        self.number = number
        # the main thread may hold the event's lock just now, and would wait for itself for ever
        Thread(target=self.stop.set).start()
        for each in _SIGNALS:
            if signal.getsignal(each) == self.hear:
                signal.signal(each, _die)
        _tell(_ASKED)


def _die(number: int, frame: FrameType | None) -> None:
    """End this process by the signal; its children are ended by the kernel."""
    del frame
    if os.isatty(2):
        _tell(_SHOW_CURSOR)
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _tell(message: bytes) -> None:
    """Write without Python's buffers: the handler may have interrupted a print()."""
    with suppress(OSError):
        os.write(2, message)


@contextmanager
def interruptible() -> Iterator[Interrupt]:
    """Handle the signals for the length of the block, in the main thread.

    One that our parent ignores, as shells do for jobs in the background, stays ignored.
    """
    interrupt = Interrupt()
    heard = [each for each in _SIGNALS if signal.getsignal(each) is not signal.SIG_IGN]
    before = {each: signal.signal(each, interrupt.hear) for each in heard}
    try:
        yield interrupt
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
