"""Who demolished whom."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from parsekit import Timeline
from parsekit_report.moments import of_kind

#: Of demolitions that the game itself causes, or whose author is not known.
NOBODY = "the game"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemolitionMatrix:
    """A line for each who demolished, a column for each who was: counts, 0 where none."""

    victims: tuple[tuple[str, int | None], ...]
    rows: tuple[tuple[str, int | None, tuple[int, ...], int], ...]


def demolitions_of(timeline: Timeline | None) -> DemolitionMatrix | None:
    """Count them; None where none was seen."""
    counts = Counter((event.player, event.other) for event in of_kind(timeline, "demolition"))
    if timeline is None or not counts:
        return None
    there = [index for index, player in enumerate(timeline.players) if player.team is not None]
    attackers: list[int | None] = list(there)
    if any(attacker is None for attacker, _ in counts):
        attackers.append(None)
    rows = [
        (
            _name(timeline, attacker),
            _team(timeline, attacker),
            tuple(counts[attacker, v] for v in there),
        )
        for attacker in attackers
    ]
    return DemolitionMatrix(
        victims=tuple((_name(timeline, index), _team(timeline, index)) for index in there),
        rows=tuple((name, team, row, sum(row)) for name, team, row in rows),
    )


def _name(timeline: Timeline, index: int | None) -> str:
    return NOBODY if index is None else timeline.players[index].name


def _team(timeline: Timeline, index: int | None) -> int | None:
    return None if index is None else timeline.players[index].team
