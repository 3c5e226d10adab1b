"""Where the boost pads stand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from parsekit_local.frames import Bools, Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Field:
    """The pads of one kind of field: their places on the ground, in uu, and their sizes."""

    places: Floats  # (n, 2)
    big: Bools

    def nearest(self, positions: Floats) -> tuple[Bools, Floats]:
        """Find the pad next to each position: whether it is a big one, and its y."""
        apart = positions[:, None, :2] - self.places[None]
        index = (apart**2).sum(axis=2).argmin(axis=1)
        return self.big[index], self.places[index, 1]


def _field(*, big: list[tuple[float, float]], small: list[tuple[float, float]]) -> Field:
    """Complete a field: pads are given for one quarter, and mirrored in both axes."""
    places = {
        (sign_x * x, sign_y * y): is_big
        for pads, is_big in ((big, True), (small, False))
        for x, y in pads
        for sign_x in (-1, 1)
        for sign_y in (-1, 1)
    }
    return Field(
        places=np.array(list(places), dtype=np.float64),
        big=np.array(list(places.values()), dtype=np.bool_),
    )


#: Standard soccar, 6 big and 28 small pads; the game's map data, as RLBot's wiki lists them.
SOCCAR = _field(
    big=[(3072, 4096), (3584, 0)],
    small=[
        (0, 4240),
        (1792, 4184),
        (940, 3308),
        (0, 2816),
        (3584, 2484),
        (1788, 2300),
        (2048, 1036),
        (0, 1024),
        (1024, 0),
    ],
)
