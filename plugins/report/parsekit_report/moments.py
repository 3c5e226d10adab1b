"""When something happened, as a reader and a player of the page find it."""

from __future__ import annotations

from collections.abc import Iterator

from parsekit import MatchEvent, Timeline
from parsekit_report.sheet import clock

#: Kinds of events that the player's list shows, with the word for each.
WORDS = {
    "goal": "Goal",
    "save": "Save",
    "shot": "Shot",
    "demolition": "Demolition",
    "kickoff": "Kick-off",
}


def of_kind(timeline: Timeline | None, *kinds: str) -> Iterator[MatchEvent]:
    """The events of these kinds, in the order of time."""
    for event in timeline.events if timeline else ():
        if event.kind in kinds:
            yield event


def shown_clock(event: MatchEvent) -> str:
    """The scoreboard at an event; else the time since the recording began, else unknown."""
    if event.clock_s is not None:
        return f"+{clock(event.clock_s)}" if event.overtime else clock(event.clock_s)
    return "–" if event.time_s is None else f"{clock(event.time_s)} in"


def name_at(timeline: Timeline, index: int | None) -> str:
    """The player's name, "unknown" for nobody."""
    return "unknown" if index is None else timeline.players[index].name


def number_of(event: MatchEvent, name: str) -> float | None:
    """A number among the event's own values."""
    value = event.values.get(name)
    return None if isinstance(value, bool | str) or value is None else value


def text_of(event: MatchEvent, name: str) -> str | None:
    """A word among the event's own values."""
    value = event.values.get(name)
    return value if isinstance(value, str) and value else None
