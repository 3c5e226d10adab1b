"""The field of play, and places on it as a picture has them.

Pictures lie on their side: blue defends the left, orange the right, seen from above. A unit of a
picture is 10 uu, so that a path is written in whole numbers of three digits.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal

from parsekit import Timeline, Track

#: A place of `parsekit.Track` while car or ball is not on the field.
NOWHERE = -(2**15)
#: A boost of `parsekit.Track` that is not known.
NO_BOOST = 255
#: uu of a unit of a picture.
UNIT_UU = 10
#: Half of the standard field, uu: from the middle to a goal line, and to a side wall.
STANDARD_LENGTH_UU, STANDARD_WIDTH_UU = 5120, 4096
#: The same of hoops, whose goals are baskets.
HOOPS_LENGTH_UU, HOOPS_WIDTH_UU = 3581, 2966
#: Nobody of a standard match is further out: a goal is 880 uu deep, walls are followed at 4096.
_BEYOND_STANDARD_UU = 6100
#: Ticks from one point of a drawn way to the next.
_STRIDE = 2
#: Nobody stays away from all walls of the standard field for longer.
_LONG_ENOUGH_S = 30
#: Pads of the standard field, uu: a quarter of them, which the others mirror.
_BIG = ((3584, 0), (3072, 4096))
_SMALL = (
    *((0, 4240), (1792, 4184), (940, 3308), (0, 2816), (3584, 2484)),
    *((1788, 2300), (2048, 1036), (0, 1024), (1024, 0)),
)

Shape = Literal["standard", "plain"]
Place = tuple[float, float]


@dataclass(frozen=True, slots=True)
class BoostPad:
    """A boost pad, in uu on the game's axes."""

    x: int
    y: int
    big: bool


def _mirrored(quarter: Iterable[tuple[int, int]], *, big: bool) -> tuple[BoostPad, ...]:
    places = {(x * sx, y * sy) for x, y in quarter for sx in (1, -1) for sy in (1, -1)}
    return tuple(BoostPad(x, y, big) for x, y in sorted(places))


#: All 34 pads of the standard field.
PADS = _mirrored(_BIG, big=True) + _mirrored(_SMALL, big=False)


@dataclass(frozen=True, slots=True)
class Pitch:
    """Where a match was played. Lengths are half of the whole, in uu.

    A ``plain`` field is one whose walls we do not know: it is as large as what moved on it.
    """

    shape: Shape
    length_uu: int
    width_uu: int

    @property
    def length(self) -> int:
        """From the middle to a goal line in units of a picture."""
        return self.length_uu // UNIT_UU

    @property
    def width(self) -> int:
        """From the middle to a side wall in units of a picture."""
        return self.width_uu // UNIT_UU

    @property
    def view_box(self) -> str:
        """The picture's frame, with room for goals and a line's width."""
        across = self.length + (92 if self.shape == "standard" else 12)
        up = self.width + 12
        return f"{-across} {-up} {2 * across} {2 * up}"

    def pads(self) -> tuple[BoostPad, ...]:
        """The boost pads, where they are known."""
        return PADS if self.shape == "standard" else ()


def standard_pitch() -> Pitch:
    """The field of most matches."""
    return Pitch("standard", STANDARD_LENGTH_UU, STANDARD_WIDTH_UU)


def pitch_of(timeline: Timeline) -> Pitch:
    """The standard field, unless somebody was beyond its walls, or nobody near them."""
    tracks = timeline.tracks
    if tracks is None or not tracks.ticks:
        return standard_pitch()
    columns = [track.coordinates() for track in (tracks.ball, *tracks.cars)]
    length, width = _reach(columns, 1), _reach(columns, 0)
    seen_s = tracks.ticks / tracks.rate_hz
    if length <= HOOPS_LENGTH_UU and width <= HOOPS_WIDTH_UU and seen_s > _LONG_ENOUGH_S:
        return Pitch("plain", HOOPS_LENGTH_UU, HOOPS_WIDTH_UU)
    if length <= _BEYOND_STANDARD_UU and width <= STANDARD_WIDTH_UU + 60:
        return standard_pitch()
    return Pitch("plain", _rounded_up(length), _rounded_up(width))


def _reach(columns: Sequence[array[int]], axis: int) -> int:
    numbers = chain.from_iterable(column[axis::3] for column in columns)
    return max((abs(each) for each in numbers if each != NOWHERE), default=0)


def _rounded_up(uu: int) -> int:
    return (uu // 100 + 1) * 100


def drawn(x: float, y: float) -> tuple[int, int]:
    """A place in uu as a picture has it."""
    return round(y / UNIT_UU), round(-x / UNIT_UU)


def relative(x: float, y: float, team: int | None) -> Place:
    """A place in uu as the team sees it, which attacks to the right; as blue for nobody's."""
    return (-x, -y) if team == 1 else (x, y)


def path_of(track: Track, first: int, last: int) -> str:
    """The way of a car or ball from one tick to another as a path; it breaks where it was away.

    Every other tick is drawn: at 5 Hz no curve of a car looks broken.
    """
    column = track.coordinates()
    parts: list[str] = []
    pen_down, before = False, (0, 0)
    end = min(last + 1, len(column) // 3)
    for tick in range(max(0, first + (end - 1 - first) % _STRIDE), end, _STRIDE):
        x, y = column[3 * tick], column[3 * tick + 1]
        if x == NOWHERE:
            pen_down = False
            continue
        here = drawn(x, y)
        if not pen_down:
            parts.append(f"M{here[0]} {here[1]}")
        elif here != before:
            parts.append(f"l{here[0] - before[0]} {here[1] - before[1]}")
        pen_down, before = True, here
    return "".join(parts)


def place_at(track: Track, tick: int) -> tuple[int, int, int] | None:
    """Where a car or ball is at a tick, uu; None while it is away."""
    column = track.coordinates()
    if not 0 <= 3 * tick < len(column) or column[3 * tick] == NOWHERE:
        return None
    return column[3 * tick], column[3 * tick + 1], column[3 * tick + 2]
