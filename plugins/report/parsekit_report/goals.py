"""Each goal on a card: when, who, how fast, and everybody's last six seconds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from parsekit import MatchEvent, Timeline, Tracks
from parsekit_report.moments import name_at, number_of, of_kind, shown_clock
from parsekit_report.pitch import NO_BOOST, drawn, path_of, place_at

#: How far back the trails of a card reach.
TRAIL_S = 6.0
#: Kilometres an hour of one uu/s; a uu is a centimetre.
KMH = 0.036


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """The way of one car before a goal. ``boost`` is percent at the goal, None unknown."""

    name: str
    team: int | None
    scorer: bool
    path: str
    end: tuple[int, int] | None
    boost: int | None
    ball_distance_m: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalCard:
    """One goal. ``trails`` is empty where the replay has no positions for it."""

    number: int
    time_s: float | None
    clock: str
    team: int | None
    scorer: str
    assist: str | None
    speed_kmh: float | None
    score: tuple[int, int]
    ball_path: str
    ball_end: tuple[int, int] | None
    touch: tuple[int, int] | None
    touched_by: str | None
    trails: tuple[Trail, ...]


def goals_of(timeline: Timeline | None) -> tuple[GoalCard, ...]:
    """All goals in order, with the score after each."""
    return tuple(_goals(timeline)) if timeline else ()


def _goals(timeline: Timeline) -> Iterator[GoalCard]:
    score = [0, 0]
    for number, event in enumerate(of_kind(timeline, "goal"), start=1):
        if event.team is not None:
            score[event.team] += 1
        yield _goal(timeline, event, number, (score[0], score[1]))


def _goal(timeline: Timeline, event: MatchEvent, number: int, score: tuple[int, int]) -> GoalCard:
    speed = number_of(event, "ball_speed")
    touch = last_touch(timeline, event)
    tracks = timeline.tracks
    trails: tuple[Trail, ...] = ()
    ball_path, ball_end = "", None
    if tracks is not None and event.time_s is not None:
        trails = tuple(_trails(timeline, tracks, event))
        last = _tick(tracks, event.time_s)
        ball_path = path_of(tracks.ball, _tick(tracks, event.time_s - TRAIL_S), last)
        ball_end = _end(tracks, event)
    return GoalCard(
        number=number,
        time_s=event.time_s,
        clock=shown_clock(event),
        team=event.team,
        scorer=name_at(timeline, event.player),
        assist=None if event.other is None else name_at(timeline, event.other),
        speed_kmh=None if speed is None else speed * KMH,
        score=score,
        ball_path=ball_path,
        ball_end=ball_end,
        touch=drawn(*touch.position[:2]) if touch and touch.position else None,
        touched_by=name_at(timeline, touch.player) if touch and touch.player is not None else None,
        trails=trails,
    )


def last_touch(timeline: Timeline, goal: MatchEvent) -> MatchEvent | None:
    """The last touch before a goal, if it is on the card's trails."""
    if goal.time_s is None:
        return None
    begin_s = goal.time_s - TRAIL_S
    found = [
        touch
        for touch in of_kind(timeline, "touch")
        if touch.time_s is not None and begin_s <= touch.time_s <= goal.time_s
    ]
    return found[-1] if found else None


def _tick(tracks: Tracks, time_s: float) -> int:
    return min(tracks.ticks - 1, max(0, int(time_s * tracks.rate_hz)))


def _end(tracks: Tracks, event: MatchEvent) -> tuple[int, int] | None:
    if event.position is not None:
        return drawn(*event.position[:2])
    place = place_at(tracks.ball, _tick(tracks, event.time_s or 0))
    return drawn(*place[:2]) if place else None


def _trails(timeline: Timeline, tracks: Tracks, event: MatchEvent) -> Iterator[Trail]:
    time_s = event.time_s or 0.0
    first, last = _tick(tracks, time_s - TRAIL_S), _tick(tracks, time_s)
    ball = place_at(tracks.ball, last) or event.position
    for index, (player, car) in enumerate(zip(timeline.players, tracks.cars, strict=True)):
        path = path_of(car, first, last)
        if not path:
            continue
        place = place_at(car, last)
        boost = car.boost[last] if last < len(car.boost) else NO_BOOST
        apart = None
        if place and ball:
            apart = sum((a - b) ** 2 for a, b in zip(place, ball, strict=True)) ** 0.5 / 100
        yield Trail(
            name=player.name,
            team=player.team,
            scorer=index == event.player,
            path=path,
            end=drawn(*place[:2]) if place else None,
            boost=None if boost == NO_BOOST else boost,
            ball_distance_m=apart,
        )
