"""The match on one clock: strips that share their time axis, one below the other.

A picture of a strip is `WIDTH` units long and `HEIGHT` high, whatever the length of the match.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from parsekit import Timeline, Track, Tracks
from parsekit_report.moments import name_at, of_kind
from parsekit_report.pitch import NO_BOOST, NOWHERE, Pitch
from parsekit_report.sheet import clock

WIDTH, HEIGHT = 1000, 40
_MIDDLE = HEIGHT / 2
#: Longest strip has no more points than this: one for three pixels of a wide screen.
_MAX_POINTS = 360
#: Shorter matches have a number on the axis every half minute, seconds.
_SHORT_S, _SHORT_STEP_S = 150, 30
#: Seconds of a line in the table behind the picture.
_TABLE_STEP_S = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class StripArea:
    """A filled shape of a side's colour."""

    team: int | None
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StripMark:
    """Something at a moment: its place on the axis, and words."""

    x: float
    team: int | None
    text: str
    time_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """One strip. ``note`` says how to read it."""

    label: str
    note: str
    team: int | None = None
    areas: tuple[StripArea, ...] = ()
    marks: tuple[StripMark, ...] = ()
    middle: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Clockwork:
    """All strips of a match. ``ticks`` are minutes on the axis: percent of its length, and text."""

    duration_s: float
    strips: tuple[Strip, ...]
    goals: tuple[StripMark, ...]
    ticks: tuple[tuple[float, str], ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def clockwork_of(timeline: Timeline | None, pitch: Pitch) -> Clockwork | None:
    """Draw all strips; None for a replay without positions."""
    if timeline is None or timeline.tracks is None or timeline.duration_s <= 0:
        return None
    tracks = timeline.tracks
    strips = [_score(timeline), _ball(tracks, pitch)]
    strips += _possession(timeline)
    tanks = [
        index
        for index, car in enumerate(tracks.cars)
        if any(each != NO_BOOST for each in car.boost)
    ]
    strips += [_tank(timeline, index, tracks.cars[index]) for index in tanks]
    strips.append(_demolitions(timeline))
    boosts = [f"Boost of {timeline.players[index].name}" for index in tanks]
    step_s = _SHORT_STEP_S if timeline.duration_s < _SHORT_S else 2 * _SHORT_STEP_S
    return Clockwork(
        duration_s=timeline.duration_s,
        strips=tuple(strips),
        goals=tuple(_marks(timeline, "goal")),
        ticks=tuple(
            (100 * at_s / timeline.duration_s, clock(at_s))
            for at_s in range(0, int(timeline.duration_s) + 1, step_s)
        ),
        columns=("From", "Score", "Ball in orange's half", *boosts, "Demolitions"),
        rows=tuple(_rows(timeline, tracks, tanks)),
    )


def _x(timeline: Timeline, time_s: float) -> float:
    return round(WIDTH * time_s / timeline.duration_s, 1)


def _marks(timeline: Timeline, kind: str) -> Iterator[StripMark]:
    for event in of_kind(timeline, kind):
        if event.time_s is None:
            continue
        text = name_at(timeline, event.player)
        if kind == "demolition":
            text = f"{text} demolished {name_at(timeline, event.other)}"
        yield StripMark(
            x=_x(timeline, event.time_s), team=event.team, text=text, time_s=round(event.time_s, 1)
        )


def _score(timeline: Timeline) -> Strip:
    goals = [
        (event.time_s, 1 if event.team == 0 else -1)
        for event in of_kind(timeline, "goal")
        if event.time_s is not None and event.team is not None
    ]
    steps: list[tuple[float, int]] = [(0.0, 0)]
    for time_s, side in goals:
        steps.append((time_s, steps[-1][1] + side))
    most = max(2, *(abs(lead) for _, lead in steps))
    parts: dict[int, list[str]] = {0: [], 1: []}
    ends = [time_s for time_s, _ in steps[1:]] + [timeline.duration_s]
    for (begin_s, lead), end_s in zip(steps, ends, strict=True):
        if lead:
            top = round(_MIDDLE - _MIDDLE * lead / most, 1)
            x, to = _x(timeline, begin_s), _x(timeline, end_s)
            parts[0 if lead > 0 else 1].append(f"M{x} {_MIDDLE:g}V{top:g}H{to}V{_MIDDLE:g}z")
    areas = tuple(
        StripArea(team=team, path="".join(paths)) for team, paths in parts.items() if paths
    )
    return Strip(
        label="Lead", note="goals ahead: blue upwards, orange downwards", areas=areas, middle=True
    )


def _ball(tracks: Tracks, pitch: Pitch) -> Strip:
    """Where the ball is along the field, mean of a few ticks."""
    ys = tracks.ball.coordinates()[1::3]
    means = list(_means([None if y == NOWHERE else y / pitch.length_uu for y in ys]))
    return Strip(
        label="Ball",
        note="upwards: in orange's half, blue presses; downwards: in blue's half",
        areas=(
            StripArea(team=0, path=_area(means, sign=1)),
            StripArea(team=1, path=_area(means, sign=-1)),
        ),
        middle=True,
    )


def _means(values: Sequence[float | None]) -> Iterator[float | None]:
    """Means of equal slices, as many as a strip has points at most."""
    width = max(1, -(-len(values) // _MAX_POINTS))
    for begin in range(0, len(values), width):
        known = [each for each in values[begin : begin + width] if each is not None]
        yield sum(known) / len(known) if known else None


def _area(means: Sequence[float | None], *, sign: int) -> str:
    """The part of a curve on one side of the middle, as an area."""
    step = WIDTH / max(1, len(means))
    heights = [max(0.0, sign * (mean or 0.0)) for mean in means]
    points = [
        f"{i * step:.0f} {_MIDDLE - sign * _MIDDLE * min(1.0, height):.0f}"
        for i, height in enumerate(heights)
    ]
    return f"M0 {_MIDDLE:g}L{'L'.join(points)}L{WIDTH} {_MIDDLE:g}z"


def _possession(timeline: Timeline) -> Iterator[Strip]:
    spells: dict[int, list[str]] = {0: [], 1: []}
    for event in of_kind(timeline, "possession"):
        if event.team is not None and event.time_s is not None and event.end_s is not None:
            x, to = _x(timeline, event.time_s), _x(timeline, event.end_s)
            top = 0 if event.team == 0 else _MIDDLE
            spells[event.team].append(f"M{x} {top:g}H{to}v{_MIDDLE:g}H{x}z")
    if any(spells.values()):
        areas = tuple(StripArea(team=team, path="".join(paths)) for team, paths in spells.items())
        yield Strip(
            label="Possession",
            note="whose ball it is: blue above, orange below",
            areas=areas,
            middle=True,
        )


def _tank(timeline: Timeline, index: int, car: Track) -> Strip:
    player = timeline.players[index]
    means = list(_means([None if each == NO_BOOST else each / 100 for each in car.boost]))
    step = WIDTH / max(1, len(means))
    points = [f"{i * step:.0f} {HEIGHT - HEIGHT * (m or 0.0):.0f}" for i, m in enumerate(means)]
    path = f"M0 {HEIGHT}L{'L'.join(points)}L{WIDTH} {HEIGHT}z"
    return Strip(
        label=player.name,
        note="boost in the tank, empty to full",
        team=player.team,
        areas=(StripArea(team=player.team, path=path),),
    )


def _demolitions(timeline: Timeline) -> Strip:
    return Strip(
        label="Demolitions",
        note="a cross in the colour of whoever did it",
        marks=tuple(_marks(timeline, "demolition")),
    )


def _rows(timeline: Timeline, tracks: Tracks, cars: Sequence[int]) -> Iterator[tuple[str, ...]]:
    """The same in numbers: a line for each half minute."""
    ys = tracks.ball.coordinates()[1::3]
    for begin_s in range(0, int(timeline.duration_s) + 1, _TABLE_STEP_S):
        first = int(begin_s * tracks.rate_hz)
        last = int((begin_s + _TABLE_STEP_S) * tracks.rate_hz)
        there = [y for y in ys[first:last] if y != NOWHERE]
        half = f"{100 * sum(y > 0 for y in there) / len(there):.0f} %" if there else "–"
        boosts = [_mean_boost(tracks.cars[index].boost[first:last]) for index in cars]
        score = [
            sum(
                event.team == team and (event.time_s or 0) < begin_s + _TABLE_STEP_S
                for event in of_kind(timeline, "goal")
            )
            for team in (0, 1)
        ]
        demolitions = sum(
            begin_s <= (event.time_s or 0) < begin_s + _TABLE_STEP_S
            for event in of_kind(timeline, "demolition")
        )
        yield (clock(begin_s), f"{score[0]}–{score[1]}", half, *boosts, str(demolitions))


def _mean_boost(boosts: bytes) -> str:
    known = [each for each in boosts if each != NO_BOOST]
    return f"{sum(known) / len(known):.0f}" if known else "–"
