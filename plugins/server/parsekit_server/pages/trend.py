"""A picture of one number over a player's games: a point a game, and a line at the median."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from parsekit import PlayerGame
from parsekit_server.pages.numbers import ShownNumber

#: Units of the picture.
TREND_WIDTH, TREND_HEIGHT = 240, 72
_MARGIN = 6
#: Fewer games show no trend.
_LEAST_GAMES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberTrend:
    """Paths of the picture; ``won``, ``lost`` and ``unsure`` are dots, a game each."""

    label: str
    games: int
    way: str
    won: str
    lost: str
    unsure: str
    middle: float
    low: str
    median: str
    high: str


def trend_of(number: ShownNumber, games: Sequence[PlayerGame]) -> NumberTrend | None:
    """Draw the games that know this number, oldest first; None for few."""
    known = [
        (each.won, value) for each in games if (value := each.stats.get(number.stat)) is not None
    ]
    if len(known) < _LEAST_GAMES:
        return None
    values = [value for _, value in known]
    low, high = min(values), max(values)
    room, reach = TREND_HEIGHT - 2 * _MARGIN, (high - low) or 1.0

    def height(value: float) -> float:
        return round(TREND_HEIGHT - _MARGIN - room * (value - low) / reach, 1)

    step = (TREND_WIDTH - 2 * _MARGIN) / (len(known) - 1)
    places = [f"{_MARGIN + n * step:.1f} {height(value):g}" for n, value in enumerate(values)]

    def dots(won: bool | None) -> str:
        """Lines of no length, which round ends make dots of."""
        ends = zip(places, known, strict=True)
        return "".join(f"M{place}h0" for place, (end, _) in ends if end is won)

    return NumberTrend(
        label=number.label,
        games=len(known),
        way=f"M{'L'.join(places)}",
        won=dots(True),
        lost=dots(False),
        unsure=dots(None),
        middle=height(median(values)),
        low=f"{low:g}",
        median=f"{median(values):g}",
        high=f"{high:g}",
    )
