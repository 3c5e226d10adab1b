"""Shots: from where, by whom, and what became of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from parsekit import MatchEvent, Timeline
from parsekit_report.goals import KMH
from parsekit_report.moments import name_at, number_of, of_kind, shown_clock
from parsekit_report.pitch import drawn, relative

#: A save by the other side belongs to the shot before it, if no more time lies between, seconds.
_FLIGHT_S = 3.0

ShotEnd = Literal["goal", "saved", "no goal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShotOnGoal:
    """One shot, as its team sees it, which attacks to the right."""

    time_s: float | None
    clock: str
    name: str
    team: int
    place: tuple[int, int] | None
    speed_kmh: float | None
    ended: ShotEnd


def shots_of(timeline: Timeline | None) -> tuple[ShotOnGoal, ...]:
    """All shots in the order of time."""
    return tuple(_shots(timeline)) if timeline else ()


def _shots(timeline: Timeline) -> Iterator[ShotOnGoal]:
    for event in of_kind(timeline, "shot"):
        if event.team is not None:
            place = event.position
            speed = number_of(event, "ball_speed")
            yield ShotOnGoal(
                time_s=event.time_s,
                clock=shown_clock(event),
                name=name_at(timeline, event.player),
                team=event.team,
                place=drawn(*relative(*place[:2], event.team)) if place else None,
                speed_kmh=None if speed is None else speed * KMH,
                ended=_end(timeline, event),
            )


def _end(timeline: Timeline, shot: MatchEvent) -> ShotEnd:
    if shot.values.get("scored") is True:
        return "goal"
    begin_s = shot.time_s or 0.0
    saves = (
        save
        for save in of_kind(timeline, "save")
        if save.team != shot.team and 0 <= (save.time_s or 0.0) - begin_s <= _FLIGHT_S
    )
    return "saved" if any(saves) else "no goal"
