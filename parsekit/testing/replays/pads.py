"""Where the boost pads of a standard field lie, in uu; orange's half is blue's, turned over."""

from __future__ import annotations

from typing import NamedTuple

_SMALL = (
    *((0, -4240), (-1792, -4184), (1792, -4184), (-940, -3308), (940, -3308), (0, -2816)),
    *((-3584, -2484), (3584, -2484), (-1788, -2300), (1788, -2300), (-2048, -1036), (0, -1024)),
    (2048, -1036),
)
_SMALL_MIDDLE = ((-1024, 0), (1024, 0))
_BIG = ((-3072, -4096), (3072, -4096))
_BIG_MIDDLE = ((-3584, 0), (3584, 0))


class Pad(NamedTuple):
    """A pad; ``grant`` is the boost it gives, 255 being a full tank."""

    x: float
    y: float
    grant: int
    respawn_s: float

    @classmethod
    def small(cls, x: float, y: float) -> Pad:
        """Twelve percent, back after four seconds."""
        return cls(x, y, grant=31, respawn_s=4.0)

    @classmethod
    def big(cls, x: float, y: float) -> Pad:
        """All, back after ten seconds."""
        return cls(x, y, grant=255, respawn_s=10.0)


PADS = (
    *(Pad.small(x, y * side) for side in (1, -1) for x, y in _SMALL),
    *(Pad.small(x, y) for x, y in _SMALL_MIDDLE),
    *(Pad.big(x, y * side) for side in (1, -1) for x, y in _BIG),
    *(Pad.big(x, y) for x, y in _BIG_MIDDLE),
)
