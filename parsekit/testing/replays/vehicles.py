"""The actors of one kick-off: the ball, the cars and what is built into them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from parsekit.testing.replays.actors import delete, reference, rigid_body, spawn, update
from parsekit.testing.replays.bits import Bits
from parsekit.testing.replays.cast import Cast
from parsekit.testing.replays.objects import BALL, BOOST, CAR, DODGE, DOUBLE_JUMP, FLIP, JUMP
from parsekit.testing.replays.play import CarState, Play

_COMPONENTS = (BOOST, JUMP, DODGE, DOUBLE_JUMP, FLIP)


@dataclass(frozen=True, slots=True)
class Vehicle:
    """A car's actor number, and those of its components in a fixed order, boost first."""

    car: int
    components: tuple[int, ...]

    @property
    def boost(self) -> int:
        """The component that holds the boost."""
        return self.components[0]


@dataclass(frozen=True, slots=True)
class Vehicles:
    """The ball, and the vehicles in the order of the players."""

    ball: int
    all: tuple[Vehicle, ...]


def build(players: int, numbers: Iterator[int]) -> Vehicles:
    """Give the ball and everybody's car a number."""
    ball = next(numbers)
    cars = (
        Vehicle(next(numbers), tuple(next(numbers) for _ in _COMPONENTS)) for _ in range(players)
    )
    return Vehicles(ball, tuple(cars))


def enter(vehicles: Vehicles, cast: Cast, play: Play) -> Iterator[Bits]:
    """Let ball and cars appear where the play has them."""
    yield spawn(vehicles.ball, BALL, play.ball, 0.0)
    yield update(vehicles.ball, BALL, {"GameEvent": reference(cast.game)})
    for vehicle, player, car in zip(vehicles.all, cast.players, play.cars, strict=True):
        yield from _enter(vehicle, player, car)
    yield from move(vehicles, play)


def move(vehicles: Vehicles, play: Play) -> Iterator[Bits]:
    """Encode where ball and cars are."""
    ball = rigid_body(play.ball, play.ball_velocity, 0.0)
    yield update(vehicles.ball, BALL, {"ReplicatedRBState": ball})
    for vehicle, car in zip(vehicles.all, play.cars, strict=True):
        body = rigid_body(car.place, car.velocity, car.yaw)
        yield update(vehicle.car, CAR, {"ReplicatedRBState": body})


def leave(vehicles: Vehicles) -> Iterator[Bits]:
    """Let ball and cars disappear."""
    yield delete(vehicles.ball)
    for vehicle in vehicles.all:
        yield from map(delete, (vehicle.car, *vehicle.components))


def _enter(vehicle: Vehicle, player: int, car: CarState) -> Iterator[Bits]:
    yield spawn(vehicle.car, CAR, car.place, car.yaw)
    yield update(vehicle.car, CAR, {"PlayerReplicationInfo": reference(player)})
    for archetype, actor in zip(_COMPONENTS, vehicle.components, strict=True):
        yield spawn(actor, archetype, car.place)
        yield update(actor, archetype, {"Vehicle": reference(vehicle.car)})
