"""When and where: what all kinds of events are written with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from parsekit import MatchEvent
from parsekit_local.body.roster import Participant
from parsekit_local.header.facts import HeaderGoal
from parsekit_local.statistics.ball import track_ball
from parsekit_local.statistics.updates import latest
from parsekit_local.stream.frames import Car, Floats, Frames, Ints, PlayerTrack, RigidBodies


@dataclass(frozen=True)
class Moments:
    """A match with frames, as the kinds of events see it.

    ``players`` are those of the body, in its order, which is that of `parsekit.Timeline.players`.
    """

    frames: Frames
    players: Sequence[Participant]

    @cached_property
    def ball(self) -> RigidBodies:
        """All reports of the ball."""
        return track_ball(self.frames)

    @cached_property
    def place_of(self) -> Mapping[int, int]:
        """A player's place in the body, by the index into `Frames.players`."""
        return {p.index: place for place, p in enumerate(self.players) if p.index is not None}

    def cars_at(self, frames: Ints) -> Floats:
        """Where the players' cars were last reported by the end of each frame.

        (players, frames, 3); nan while a car is not on the field.
        """
        places = np.full((len(self.players), len(frames), 3), np.nan)
        for place, car, end in self.lives:
            if len(car.bodies):
                there = (frames >= car.bodies.frame[0]) & (frames < end)
                places[place, there] = car.bodies.position[latest(car.bodies.frame, frames[there])]
        return places

    @cached_property
    def lives(self) -> list[tuple[int, Car, int]]:
        """Each car with its player's place, and the frame in which it left the field."""
        return [
            (place, car, end)
            for place, player in enumerate(self.players)
            if player.track is not None and player.index is not None
            for car, end in lives_of(self.frames, player.index, player.track)
        ]

    @cached_property
    def teams(self) -> Ints:
        """The team of each player."""
        return np.array([player.team for player in self.players], dtype=np.int64)

    def event(self, kind: str, frame: int, *, end: int | None = None, **facts: Any) -> MatchEvent:
        """An event that begins in a frame, and ends in another where it has a length."""
        position = facts.pop("position", None)
        return MatchEvent(
            kind=kind,
            time_s=self.seconds(frame),
            end_s=None if end is None else self.seconds(end),
            clock_s=self.clock_s(frame),
            overtime=self.is_overtime(frame),
            position=None if position is None else point(position),
            **facts,
        )

    def frame_of(self, goal: HeaderGoal) -> int | None:
        """The frame of a goal, where the frames reach it: a recording may end one before it."""
        if goal.frame is None or goal.frame > self.frames.count:
            return None
        return goal.frame

    def seconds(self, frame: int) -> float:
        """The time of a frame, to the millisecond."""
        return round(float(self.frames.seconds_at(np.array([frame]))[0]), 3)

    def clock_s(self, frame: int) -> int | None:
        """What the scoreboard's clock shows in a frame."""
        clock = self.frames.game_clock
        at = int(latest(clock.frame, np.array([frame]))[0])
        return max(0, int(clock.seconds[at])) if at >= 0 else None

    def is_overtime(self, frame: int) -> bool:
        """Whether a frame is in overtime."""
        began = self.frames.match.overtime_frame
        return began is not None and frame >= began

    def ball_report(self, frame: int) -> int | None:
        """The row of the ball's last report by the end of a frame."""
        at = int(latest(self.ball.frame, np.array([frame]))[0])
        return at if at >= 0 else None

    def ball_place(self, frame: int) -> Floats | None:
        """Where the ball was last reported by the end of a frame."""
        row = self.ball_report(frame)
        return None if row is None else self.ball.position[row]


def lives_of(frames: Frames, index: int, player: PlayerTrack) -> list[tuple[Car, int]]:
    """Give a player's cars with the frame in which each left the field, by a demolition too."""
    died = frames.demolitions.frame[frames.demolitions.victim == index]
    return [
        (car, int(min([car.end_frame, *died[(died >= car.first_frame) & (died <= car.end_frame)]])))
        for car in player.cars
    ]


def point(position: Floats) -> tuple[float, float, float]:
    """A place to whole uu."""
    x, y, z = (float(round(each)) for each in position.tolist())
    return x, y, z
