"""How much of this machine is ours, and how much work fits on it."""

from __future__ import annotations

import os

#: A remote parser waits for others: many tasks at once cost little.
REMOTE_SLOTS = 20


def usable_cores() -> int:
    """Cores that this process may use. In a container, those of the machine."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def default_slots(runs: str) -> int:
    """Replays at once of a parser that runs "local", where it computes, or "remote"."""
    return usable_cores() if runs == "local" else REMOTE_SLOTS
