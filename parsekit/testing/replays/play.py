"""Invent the movement of a match: cars that chase, boost, hop and collect, and a ball they hit.

Not physics: just enough of it that speeds, places and boost amounts are in the range of real
ones and agree with each other from frame to frame, at any length of frame.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field

from parsekit.testing.replays.bits import Vector
from parsekit.testing.replays.match import Match, Side
from parsekit.testing.replays.pads import PADS

CAR_REST_Z = 17.0
BALL_REST_Z = 93.0
#: Boost after a kick-off, of 255.
KICKOFF_BOOST = 85
_FULL_BOOST = 255
_BOOST_PER_S = 85.0
#: Top speeds in uu/s, without and with boost, and how fast a car gets there.
_DRIVING, _BOOSTED, _GAIN_PER_S = 1400.0, 2250.0, 1600.0
_GRAVITY = 650.0
_REACH = 250.0
_BALL_TOP = 6000.0
_GOAL_LINE = 5120.0
_HALF_WIDTH, _HALF_LENGTH, _CEILING = 3900.0, 4950.0, 1900.0
_SHARP_TURN = 1.2
#: What a car does next, as shares of one: fetch boost, guard the goal, else chase the ball; and
#: how often it does so with boost, or hops on the way.
_FETCH, _GUARD, _HURRY, _HOP = 0.5, 0.1, 0.4, 0.3
_HOP_Z = (80.0, 1300.0)
#: Nearer than this nobody boosts.
_NEAR = 1200.0
_KICKOFF_SPOTS = ((-2048, -2560), (2048, -2560), (-256, -3840), (256, -3840), (0, -4608))
_ORIGIN = Vector(0, 0, BALL_REST_Z)
_STILL = Vector(0, 0, 0)


@dataclass(slots=True, kw_only=True)
class CarState:
    """A car as it is now; ``pad`` is the number of the pad it drives to, ``top_z`` of its hop."""

    side: Side
    place: Vector = _ORIGIN
    velocity: Vector = _STILL
    yaw: float = 0.0
    boost: float = KICKOFF_BOOST
    hurry: bool = False
    boosting: bool = False
    sliding: bool = False
    aim: Vector | None = None
    pad: int | None = None
    decide_s: float = 0.0
    hop_s: float = 0.0
    top_z: float = 0.0


@dataclass(slots=True, kw_only=True)
class Events:
    """What happened in one step: who touched the ball, which car took which pad, pads back."""

    touches: list[Side] = field(default_factory=list)
    taken: list[tuple[int, int]] = field(default_factory=list)
    free: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Shot:
    """A goal to come: who will have scored, and in how many seconds."""

    side: Side
    in_s: float


class Play:
    """The field with everybody on it."""

    def __init__(self, match: Match) -> None:
        self.cars = [CarState(side=side) for side, _ in match.players()]
        self.ball = _ORIGIN
        self.ball_velocity = _STILL
        self.now_s = 0.0
        self._chance = random.Random(f"play {match.seed}")  # noqa: S311  (not for secrets)
        self._taken: dict[int, float] = {}

    def kickoff(self) -> None:
        """Put cars and ball where they start."""
        self.ball, self.ball_velocity = _ORIGIN, _STILL
        counts = [0, 0]
        for number, car in enumerate(self.cars):
            spot = _kickoff_place(car.side, counts[car.side])
            counts[car.side] += 1
            yaw = math.atan2(-spot.y, -spot.x)
            self.cars[number] = CarState(side=car.side, place=spot, yaw=yaw, decide_s=self.now_s)

    def wait(self, step_s: float) -> None:
        """Let time pass with nobody moving."""
        self.now_s += step_s

    def move(self, step_s: float, shot: Shot | None) -> Events:
        """Let everybody play for a while."""
        self.now_s += step_s
        events = Events()
        self._free_pads(events)
        for number, car in enumerate(self.cars):
            if self.now_s >= car.decide_s:
                self._decide(car)
            self._drive(car, step_s)
            self._collect(number, car, events)
        self._roll(step_s, shot, events)
        return events

    def _free_pads(self, events: Events) -> None:
        events.free = [pad for pad, back_s in self._taken.items() if back_s <= self.now_s]
        for pad in events.free:
            del self._taken[pad]

    def _decide(self, car: CarState) -> None:
        car.pad, car.aim = None, None
        car.hurry = self._chance.random() < _HURRY
        choice = self._chance.random()
        if choice < _FETCH:
            car.pad = self._near_pad(car)
            car.aim = Vector(PADS[car.pad].x, PADS[car.pad].y, CAR_REST_Z)
        elif choice < _FETCH + _GUARD:
            car.aim = Vector(0, -4600 if car.side == 0 else 4600, CAR_REST_Z)
        if car.place.z == CAR_REST_Z and self._chance.random() < _HOP:
            car.hop_s, car.top_z = self.now_s, self._chance.uniform(*_HOP_Z)
        car.decide_s = self.now_s + self._chance.uniform(1.0, 3.0)

    def _near_pad(self, car: CarState) -> int:
        some = self._chance.sample(range(len(PADS)), 4)
        return min(some, key=lambda pad: math.dist(PADS[pad][:2], car.place[:2]))

    def _drive(self, car: CarState, step_s: float) -> None:
        aim = _inside(car.aim or self.ball)
        away = math.dist(aim[:2], car.place[:2])
        yaw = math.atan2(aim.y - car.place.y, aim.x - car.place.x) if away else car.yaw
        speed = self._speed(car, away, step_s)
        step = min(away, speed * step_s)
        z, rise = self._height(car)
        x = car.place.x + math.cos(yaw) * step
        y = car.place.y + math.sin(yaw) * step
        car.velocity = Vector((x - car.place.x) / step_s, (y - car.place.y) / step_s, rise)
        turn = abs(math.remainder(yaw - car.yaw, math.tau))
        car.sliding = turn > _SHARP_TURN and z == CAR_REST_Z
        car.place, car.yaw = Vector(x, y, z), yaw
        if car.aim and step == away:
            car.decide_s = self.now_s

    def _speed(self, car: CarState, away: float, step_s: float) -> float:
        burn = min(car.boost, _BOOST_PER_S * step_s)
        car.boosting = car.hurry and away > _NEAR and burn > 0
        if car.boosting:
            car.boost -= burn
        before = math.hypot(car.velocity.x, car.velocity.y)
        return min(_BOOSTED if car.boosting else _DRIVING, before + _GAIN_PER_S * step_s)

    def _height(self, car: CarState) -> tuple[float, float]:
        """Height and rise per second in a hop that reaches ``top_z`` above the ground."""
        up = math.sqrt(2 * _GRAVITY * car.top_z)
        since_s = self.now_s - car.hop_s
        height = up * since_s - _GRAVITY * since_s**2 / 2
        return (CAR_REST_Z + height, up - _GRAVITY * since_s) if height > 0 else (CAR_REST_Z, 0.0)

    def _collect(self, number: int, car: CarState, events: Events) -> None:
        if car.pad is None or car.pad in self._taken or car.boost >= _FULL_BOOST:
            return
        pad = PADS[car.pad]
        if math.dist(car.place, (pad.x, pad.y, CAR_REST_Z)) < 1:
            car.boost = min(_FULL_BOOST, car.boost + pad.grant)
            self._taken[car.pad] = self.now_s + pad.respawn_s
            events.taken.append((number, car.pad))

    def _roll(self, step_s: float, shot: Shot | None, events: Events) -> None:
        if shot:
            self._shoot(step_s, shot)
            events.touches.append(shot.side)
            return
        for car in self.cars:
            if math.dist(car.place, self.ball) < _REACH:
                self._hit(car)
                events.touches.append(car.side)
        self._fly(step_s)

    def _shoot(self, step_s: float, shot: Shot) -> None:
        goal = Vector(0, _GOAL_LINE if shot.side == 0 else -_GOAL_LINE, 200)
        share = min(1.0, step_s / (shot.in_s + step_s))
        way = [(there - here) * share for here, there in zip(self.ball, goal, strict=True)]
        self.ball_velocity = Vector(*(part / step_s for part in way))
        self.ball = Vector(*(here + part for here, part in zip(self.ball, way, strict=True)))

    def _hit(self, car: CarState) -> None:
        goal_y = _GOAL_LINE if car.side == 0 else -_GOAL_LINE
        yaw = math.atan2(goal_y - self.ball.y, -self.ball.x) + self._chance.uniform(-0.8, 0.8)
        speed = 600 + 0.8 * math.hypot(car.velocity.x, car.velocity.y)
        up = self._chance.uniform(100, 900)
        self.ball_velocity = Vector(math.cos(yaw) * speed, math.sin(yaw) * speed, up)

    def _fly(self, step_s: float) -> None:
        x, vx = _bounce(self.ball.x, self.ball_velocity.x, step_s, _HALF_WIDTH)
        y, vy = _bounce(self.ball.y, self.ball_velocity.y, step_s, _HALF_LENGTH)
        z = self.ball.z + self.ball_velocity.z * step_s
        vz = self.ball_velocity.z - _GRAVITY * step_s
        if z < BALL_REST_Z:
            z, vz = BALL_REST_Z, max(0.0, -0.6 * vz - 60)
        drag = 0.8**step_s
        self.ball = Vector(x, y, min(z, _CEILING))
        self.ball_velocity = Vector(vx * drag, vy * drag, _within(vz, _BALL_TOP))


def _kickoff_place(side: Side, number: int) -> Vector:
    x, y = _KICKOFF_SPOTS[number % len(_KICKOFF_SPOTS)]
    # a sixth car and more stand behind the first five
    y -= 200 * (number // len(_KICKOFF_SPOTS))
    return Vector(x, y, CAR_REST_Z) if side == 0 else Vector(-x, -y, CAR_REST_Z)


def _inside(place: Vector) -> Vector:
    return Vector(_within(place.x, _HALF_WIDTH), _within(place.y, _HALF_LENGTH), place.z)


def _within(coordinate: float, limit: float) -> float:
    return max(-limit, min(limit, coordinate))


def _bounce(coordinate: float, speed: float, step_s: float, limit: float) -> tuple[float, float]:
    there = coordinate + speed * step_s
    return (there, speed) if abs(there) <= limit else (_within(there, limit), -0.6 * speed)
