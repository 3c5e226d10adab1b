"""Demolitions."""

from __future__ import annotations

from parsekit_local.statistics.published import Group
from parsekit_local.stream.frames import Frames


def demo(frames: Frames, player: int) -> Group:
    """Count a player's demolitions; the game's own (a leaver's car) are nobody's."""
    events = frames.demolitions
    return {
        "inflicted": int((events.attacker == player).sum()),
        "taken": int(((events.victim == player) & (events.attacker >= 0)).sum()),
    }
