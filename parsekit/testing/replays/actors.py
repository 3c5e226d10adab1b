"""Encode what happens to actors in a frame, and the compound values of their attributes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from parsekit.testing.replays.bits import (
    Bits,
    Vector,
    below,
    bit,
    byte,
    float32,
    heading,
    int32,
    join,
    rotation,
    uint64,
    vector,
    whole_vector,
)
from parsekit.testing.replays.header import MAX_CHANNELS
from parsekit.testing.replays.match import Player
from parsekit.testing.replays.objects import object_id, stream_ids

_STEAM, _SPLIT_SCREEN = 1, 0
#: Loadout version of early 2026: sixteen product numbers follow, the first one is the body.
_LOADOUT_VERSION = 28
_LOADOUT_PRODUCTS = 16


def spawn(
    actor: int, archetype: str, place: Vector | None = None, yaw: float | None = None
) -> Bits:
    """Let an actor appear; whether it has a place and a rotation depends on its class."""
    parts = [_channel(actor), bit(True), bit(True), int32(0), bit(False)]
    parts.append(int32(object_id(archetype)))
    if place is not None:
        parts.append(whole_vector(round(place.x), round(place.y), round(place.z)))
    if yaw is not None:
        parts.append(rotation(yaw))
    return join(parts)


def update(actor: int, archetype: str, values: Mapping[str, Bits]) -> Bits:
    """Encode new values of an actor's attributes."""
    return join(_update(actor, stream_ids(archetype), values))


def delete(actor: int) -> Bits:
    """Let an actor disappear; its number may be used again."""
    return join((_channel(actor), bit(False)))


def reference(actor: int) -> Bits:
    """Encode a link to another actor."""
    return join((bit(True), int32(actor)))


def unique_id(player: Player) -> Bits:
    """Encode a Steam account, or the empty id of a bot."""
    if player.bot:
        return join((byte(_SPLIT_SCREEN), Bits(0, 24), byte(0)))
    return join((byte(_STEAM), uint64(player.steam_id), byte(0)))


def loadouts(body: int) -> Bits:
    """Encode a car body, by product number, for both sides."""
    products = [body] + [0] * (_LOADOUT_PRODUCTS - 1)
    return join([byte(_LOADOUT_VERSION), *map(int32, products)] * 2)


def camera(*, fov: float, height: float, angle: float, distance: float) -> Bits:
    """Encode camera settings: degrees, uu; stiffness, swivel and transition as the game's own."""
    stiffness, swivel, transition = 0.5, 4.0, 1.2
    settings = (fov, height, angle, distance, stiffness, swivel, transition)
    return join(map(float32, settings))


def rigid_body(place: Vector, velocity: Vector, yaw: float) -> Bits:
    """Encode the state of something that moves and does not spin."""
    still = Vector(0, 0, 0)
    return join((bit(False), vector(place), heading(yaw), vector(velocity), vector(still)))


def boost(amount: int) -> Bits:
    """Encode an amount of boost, 0 to 255, after the number of grants, which is not counted."""
    return join((byte(0), byte(amount), byte(0), byte(0)))


def pickup(car: int) -> Bits:
    """Encode that a car took this pad."""
    return join((reference(car), byte(1)))


def no_pickup() -> Bits:
    """Encode that a pad is free again."""
    return join((bit(False), byte(255)))


def _update(actor: int, numbers: dict[str, int], values: Mapping[str, Bits]) -> Iterator[Bits]:
    yield from (_channel(actor), bit(True), bit(False))
    for name, value in values.items():
        yield from (bit(True), below(numbers[name], len(numbers)), value)
    yield bit(False)


def _channel(actor: int) -> Bits:
    return join((bit(True), below(actor, MAX_CHANNELS)))
