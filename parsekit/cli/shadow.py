"""The end of a run with a shadow: its first comparison is waited for, its counts are printed."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from parsekit.cli.exit import say
from parsekit.cli.interrupt import Interrupt

if TYPE_CHECKING:
    from parsekit.shadow.runner import Shadow

#: How long a run that has compared nothing yet waits for its shadow, seconds: Ballchasing is
#: asked for the first time after some 30.
FIRST_WAIT_S = 60.0
_LOOK_S = 0.1


def await_first(shadow: Shadow | None, interrupt: Interrupt) -> None:
    """Let a short run have a comparison; one that has some is not kept waiting for the last."""
    if shadow is None or shadow.tally.compared or shadow.wait(0):
        return
    if sys.stderr.isatty():
        say(f"waiting up to {FIRST_WAIT_S:g} s for the shadow {shadow.name}; Ctrl-C ends that")
    end = time.monotonic() + FIRST_WAIT_S
    while interrupt.number is None and time.monotonic() < end:
        if shadow.wait(_LOOK_S):
            return


def print_shadow(shadow: Shadow | None) -> None:
    """Say what the shadow came to, after it was stopped; nothing where it had nothing to do."""
    if shadow is None:
        return
    tally = shadow.tally
    counts = (
        (tally.compared, "compared"),
        (tally.busy, "skipped while it was at work"),
        (tally.over_budget, "skipped over shadow_per_hour"),
        (tally.failed, "failed"),
        (tally.unfinished + (not shadow.wait(0)), "stopped before its end"),
    )
    shown = ", ".join(f"{count} {what}" for count, what in counts if count)
    if shown:
        hint = "; see parsekit compare" if tally.compared else ""
        say(f"shadow {shadow.name}: {shown}{hint}")
