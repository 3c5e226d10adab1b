"""Camera settings and steering of one player, with the game's defaults for what is not said."""

from __future__ import annotations

from parsekit import JsonObject
from parsekit_local.body.published import Number, published
from parsekit_local.stream.frames import CameraSettings

#: The game's defaults, which Ballchasing gives to players without settings (8 in the 2016 pair).
_DEFAULTS = CameraSettings(
    fov=90,
    height=100,
    pitch=-3,
    distance=260,
    stiffness=0.3,
    swivel_speed=2.5,
    transition_speed=1,
)
#: The game sends the sensitivity only where it differs from this.
_DEFAULT_STEERING = 1.0


def camera(settings: CameraSettings | None) -> JsonObject:
    """Write the ``camera`` of a player. Files too old for a transition speed have 0."""
    known = settings or _DEFAULTS
    return {
        "fov": published(known.fov),
        "height": published(known.height),
        "pitch": published(known.pitch),
        "distance": published(known.distance),
        "stiffness": published(known.stiffness),
        "swivel_speed": published(known.swivel_speed),
        "transition_speed": published(known.transition_speed or 0),
    }


def steering(sensitivity: float | None) -> Number:
    """Write the ``steering_sensitivity`` of a player."""
    return published(_DEFAULT_STEERING if sensitivity is None else sensitivity)
