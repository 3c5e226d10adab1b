"""Competitive ranks by the game's tier number.

Source: python-ballchasing 0.5.4 (``AnyRank``), in the game's order, taken 2026-11-24; six tiers of
two real bodies agree in number, id and name.
"""

from __future__ import annotations

from itertools import product

_METALS = ("Bronze", "Silver", "Gold", "Platinum", "Diamond", "Champion", "Grand Champion")
_STEPS = ("I", "II", "III")

UNRANKED = ("unranked", "Unranked")
_STEPPED = tuple(
    (f"{metal.lower().replace(' ', '-')}-{len(step)}", f"{metal} {step}")
    for metal, step in product(_METALS, _STEPS)
)

#: Tier number (0 is unranked) to Ballchasing's id and name.
RANKS: tuple[tuple[str, str], ...] = (
    UNRANKED,
    *_STEPPED,
    ("supersonic-legend", "Supersonic Legend"),
)
