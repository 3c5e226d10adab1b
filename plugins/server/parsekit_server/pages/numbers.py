"""The numbers that pages show of players and teams, with their words and digits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from parsekit import Total

#: Stands where nobody knows a number, which is not 0.
UNKNOWN = "–"


@dataclass(frozen=True, slots=True)
class ShownNumber:
    """A number of a game, ``group.name`` in the sums; ``digits`` behind the point of an average."""

    stat: str
    label: str
    digits: int = 2

    def average(self, totals: Mapping[str, Total]) -> str:
        """What an average game has of it."""
        found = totals.get(self.stat)
        return UNKNOWN if found is None else f"{found.average:.{self.digits}f}"

    def single(self, stats: Mapping[str, float]) -> str:
        """What one game has of it."""
        found = stats.get(self.stat)
        return UNKNOWN if found is None else f"{found:g}"


SCORE = ShownNumber("core.score", "Score", 0)
GOALS = ShownNumber("core.goals", "Goals")
ASSISTS = ShownNumber("core.assists", "Assists")
SAVES = ShownNumber("core.saves", "Saves")
SHOTS = ShownNumber("core.shots", "Shots")
CONCEDED = ShownNumber("core.goals_against", "Conceded")
SHOOTING = ShownNumber("core.shooting_percentage", "Shooting %", 0)
DEMOLITIONS = ShownNumber("demo.inflicted", "Demolitions")
BOOST = ShownNumber("boost.bpm", "Boost/min", 0)

#: Of a player's average game, wherever averages of one are shown.
OF_PLAYER = (SCORE, GOALS, ASSISTS, SAVES, SHOTS, SHOOTING, DEMOLITIONS, BOOST)
