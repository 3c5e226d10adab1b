"""Boost pads that were taken: how often, by whom, and which were stolen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from parsekit import MatchEvent, Timeline
from parsekit_report.moments import of_kind, text_of
from parsekit_report.pitch import BoostPad, Pitch, drawn, relative

#: A car is reported this far from the pad it takes at most, uu: it moves on until the next report.
_REACH_UU = 450
#: Radius of a pad that was never taken, and what the square root of the count adds.
_RADIUS, _GROWTH = 10.0, 9.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenPad:
    """One pad on a picture, as its player sees it, who attacks to the right."""

    x: int
    y: int
    big: bool
    count: int
    radius: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PadMap:
    """The pads of a player.

    ``big``, ``small`` and ``stolen`` count also what was taken where no pad is known.
    """

    label: str
    team: int | None
    pads: tuple[TakenPad, ...]
    big: int
    small: int
    stolen: int


def pad_maps_of(timeline: Timeline | None, pitch: Pitch) -> tuple[PadMap, ...]:
    """A map for everybody who took any, where the field's pads are known."""
    return tuple(_maps(timeline, pitch)) if timeline and pitch.pads() else ()


def _maps(timeline: Timeline, pitch: Pitch) -> Iterator[PadMap]:
    for index, player in enumerate(timeline.players):
        taken = [each for each in of_kind(timeline, "boost_pickup") if each.player == index]
        if not taken:
            continue
        counts = Counter(_pad(event, pitch, player.team) for event in taken)
        big = sum(text_of(event, "pad") == "big" for event in taken)
        yield PadMap(
            label=player.name,
            team=player.team,
            pads=tuple(_taken(pad, counts[pad]) for pad in pitch.pads()),
            big=big,
            small=len(taken) - big,
            stolen=sum(event.values.get("stolen") is True for event in taken),
        )


def _pad(event: MatchEvent, pitch: Pitch, team: int | None) -> BoostPad | None:
    """The pad next to where it was taken, of its size; None where none is near."""
    if event.position is None:
        return None
    x, y = relative(*event.position[:2], team)
    wants_big = text_of(event, "pad") == "big"

    def apart(pad: BoostPad) -> float:
        return (pad.x - x) ** 2 + (pad.y - y) ** 2

    near = [pad for pad in pitch.pads() if pad.big == wants_big and apart(pad) <= _REACH_UU**2]
    return min(near, key=apart, default=None)


def _taken(pad: BoostPad, count: int) -> TakenPad:
    x, y = drawn(pad.x, pad.y)
    radius = round(_RADIUS + _GROWTH * count**0.5, 1)
    return TakenPad(x=x, y=y, big=pad.big, count=count, radius=radius)
