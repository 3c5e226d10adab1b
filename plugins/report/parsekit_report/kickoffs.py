"""Kick-offs: where everybody began, who took it, how soon, and what came of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from parsekit import MatchEvent, Timeline
from parsekit_report.moments import name_at, number_of, of_kind, shown_clock, text_of
from parsekit_report.pitch import path_of

#: Ways are drawn until so long after the first touch, seconds.
_AFTER_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class KickoffPart:
    """One player in a kick-off. ``to_ball_s`` is None for who was not at the ball."""

    name: str
    team: int | None
    takes: bool
    spawn: str
    to_ball_s: float | None
    first_touch: bool
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Kickoff:
    """One kick-off, takers first. ``won_by`` is None where it was even."""

    number: int
    time_s: float | None
    clock: str
    parts: tuple[KickoffPart, ...]
    ball_path: str
    won_by: int | None

    def side(self, team: int, *, takes: bool) -> tuple[KickoffPart, ...]:
        """The players of a side who took it, or who supported."""
        return tuple(part for part in self.parts if part.team == team and part.takes == takes)


def kickoffs_of(timeline: Timeline | None) -> tuple[Kickoff, ...]:
    """All kick-offs in order."""
    groups: defaultdict[int, list[MatchEvent]] = defaultdict(list)
    for event in of_kind(timeline, "kickoff"):
        groups[int(number_of(event, "number") or 0)].append(event)
    if timeline is None:
        return ()
    return tuple(_kickoff(timeline, number, events) for number, events in sorted(groups.items()))


def _kickoff(timeline: Timeline, number: int, events: Sequence[MatchEvent]) -> Kickoff:
    parts = sorted(_parts(timeline, events), key=lambda part: (part.team or 0, not part.takes))
    first = events[0]
    ball = timeline.tracks.ball if timeline.tracks else None
    return Kickoff(
        number=number,
        time_s=first.time_s,
        clock=shown_clock(first),
        parts=tuple(parts),
        ball_path=path_of(ball, *_ticks(timeline, first)) if ball else "",
        won_by=next((event.team for event in events if text_of(event, "outcome") == "won"), None),
    )


def _parts(timeline: Timeline, events: Sequence[MatchEvent]) -> Iterator[KickoffPart]:
    for event in events:
        track = None
        if timeline.tracks is not None and event.player is not None:
            track = timeline.tracks.cars[event.player]
        yield KickoffPart(
            name=name_at(timeline, event.player),
            team=event.team,
            takes=text_of(event, "role") == "taker",
            spawn=(text_of(event, "spawn") or "unknown").replace("_", " "),
            to_ball_s=number_of(event, "time_to_ball_s"),
            first_touch=event.values.get("first_touch") is True,
            path=path_of(track, *_ticks(timeline, event)) if track else "",
        )


def _ticks(timeline: Timeline, event: MatchEvent) -> tuple[int, int]:
    """The first and last tick of the ways that are drawn."""
    rate_hz = timeline.tracks.rate_hz if timeline.tracks else 0.0
    begin_s = event.time_s or 0.0
    end_s = begin_s if event.end_s is None else event.end_s
    return int(begin_s * rate_hz), int((end_s + _AFTER_S) * rate_hz)
