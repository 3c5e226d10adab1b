"""Positions of a match for the page's player: one byte a coordinate and tick, base64.

Each column is a track's x, y or z in steps of `STEP_UU`, or its boost in percent, as differences
from tick to tick. A byte of 0x80 says that two bytes with the value itself follow, little-endian:
after a kick-off, a demolition, and for `AWAY`, while a car is not on the field. 0x00 stands for as
many ticks without a change as the next byte says.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence

from parsekit import JsonObject, Timeline, Track, Tracks
from parsekit_report.moments import WORDS, name_at, shown_clock
from parsekit_report.pitch import NO_BOOST, NOWHERE, Pitch

#: uu of one step: the fastest ball, 6000 uu/s, moves 75 of them in a tenth of a second.
STEP_UU = 8
#: Stands for a place or boost that there is none of.
AWAY = -(2**15)
_ABSOLUTE = 0x80
#: Ticks of all cars together, beyond which every other is left out: nine minutes of four a side.
_MOST_TICKS = 45_000
_LARGEST_DELTA, _LONGEST_RUN = 127, 255


def playback_of(timeline: Timeline, pitch: Pitch) -> JsonObject | None:
    """All that the player needs; None without positions."""
    tracks = timeline.tracks
    if tracks is None or not tracks.ticks:
        return None
    cars = [index for index, car in enumerate(tracks.cars) if _was_there(car)]
    stride = 1 if tracks.ticks * len(cars) <= _MOST_TICKS else 2
    return {
        "rate": tracks.rate_hz / stride,
        "ticks": -(-tracks.ticks // stride),
        "step": STEP_UU,
        "length": pitch.length_uu,
        "width": pitch.width_uu,
        "standard": pitch.shape == "standard",
        "pads": [[pad.x, pad.y, int(pad.big)] for pad in pitch.pads()],
        "ball": _places(tracks.ball, stride),
        "cars": [_car(timeline, tracks, index, stride) for index in cars],
        "clock": _packed(_deltas(tracks.clock_seconds()[::stride])),
        "events": list(_events(timeline)),
    }


def _was_there(car: Track) -> bool:
    return any(each != NOWHERE for each in car.coordinates()[::3])


def _car(timeline: Timeline, tracks: Tracks, index: int, stride: int) -> JsonObject:
    player, car = timeline.players[index], tracks.cars[index]
    boost = [AWAY if each == NO_BOOST else each for each in car.boost[::stride]]
    return {
        "name": player.name,
        "team": player.team,
        "at": _places(car, stride),
        "boost": _packed(_deltas(boost)),
    }


def _places(track: Track, stride: int) -> list[str]:
    column = track.coordinates()
    return [_packed(_deltas(map(_step, column[axis :: 3 * stride]))) for axis in range(3)]


def _step(uu: int) -> int:
    return AWAY if uu == NOWHERE else round(uu / STEP_UU)


def _deltas(values: Iterable[int]) -> bytes:
    out, before, run = bytearray(), AWAY, 0
    for value in values:
        delta = value - before
        if delta == 0 and 0 < run < _LONGEST_RUN:
            run += 1
            out[-1] = run
            continue
        run = 0
        if delta == 0:
            run = 1
            out += b"\x00\x01"
        elif -_LARGEST_DELTA <= delta <= _LARGEST_DELTA:
            out.append(delta & 0xFF)
        else:
            out.append(_ABSOLUTE)
            out += value.to_bytes(2, "little", signed=True)
        before = value
    return bytes(out)


def _packed(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _events(timeline: Timeline) -> Iterable[Sequence[object]]:
    """Time, kind, team and words of each event that the player marks."""
    kickoffs = set()
    for event in timeline.events:
        if event.kind == "kickoff":  # one event a player, and one mark for all of them
            if event.time_s is not None and event.time_s not in kickoffs:
                kickoffs.add(event.time_s)
                yield round(event.time_s, 1), event.kind, None, shown_clock(event), ""
        elif event.kind in WORDS and event.time_s is not None:
            who = "" if event.player is None else name_at(timeline, event.player)
            yield round(event.time_s, 1), event.kind, event.team, shown_clock(event), who
