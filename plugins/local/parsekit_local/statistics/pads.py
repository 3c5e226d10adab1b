"""Where the boost pads stand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from parsekit_local.stream.frames import Bools, Floats, Ints, MatchFacts

#: What a small pad gives: 12 % as the game's byte.
SMALL_PAD = 31

#: The farthest that a car is reported from the pad that it takes is 390 uu in the samples: it
#: moves on until the next report.
_REACH = 450


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Field:
    """The pads of one kind of field: their places on the ground, in uu, and their sizes."""

    places: Floats  # (n, 2)
    big: Bools

    def nearest(self, positions: Floats, rises: Ints) -> tuple[Bools, Floats]:
        """Find the pad next to each position: whether it is a big one, and its y.

        Where no pad is near the field is not the one we know: more than a small pad gives came
        from a big one, and the pad is where the car is.
        """
        apart = ((positions[:, None, :2] - self.places[None]) ** 2).sum(axis=2)
        index = apart.argmin(axis=1)
        known = apart.min(axis=1) <= _REACH**2
        big = np.where(known, self.big[index], rises > SMALL_PAD)
        return big, np.where(known, self.places[index, 1], positions[:, 1])


def field_of(match: MatchFacts) -> Field:
    """Choose the pads by the game mode; a mode that is not known has those of soccar."""
    return HOOPS if "Basketball" in (match.game_info or "") else SOCCAR


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


#: Standard soccar, 6 big and 28 small pads: places in the game's maps, as known to its bot makers.
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

#: Hoops (Dunk House, The Block), 6 big and 14 small pads, from the same source.
HOOPS = _field(
    big=[(2176, 2944), (2432, 0)],
    small=[(0, 2816), (1280, 2304), (1536, 1024), (512, 512)],
)
