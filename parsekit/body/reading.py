"""Parts of a body, and facts that several of its members tell together.

Data have Ballchasing's shape by convention only: every part may be absent, or of another type, as
third-party parsers and old replays have it. What does not fit reads as None.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from parsekit.model import JsonObject

Color = Literal["blue", "orange"]
TEAMS: tuple[Color, ...] = ("blue", "orange")
#: The groups of statistics, in the order of every body.
GROUPS = ("core", "boost", "movement", "positioning", "demo")
#: Ballchasing leaves this one out where it is 0, and writes the others of its group.
_ABSENT_IS_ZERO = "goals_against_while_last_defender"
#: Numbers from here on, infinity and not-a-number are no statistic, and fit no column.
ABSURD = 2**63


def text(value: object) -> str | None:
    """A text, None for anything else and for an empty one."""
    return value if isinstance(value, str) and value else None


def number(value: object) -> float | None:
    """An integer or a float as it is, None for anything else and for an absurd one."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if abs(value) < ABSURD else None


def branch(value: object, *keys: str) -> JsonObject:
    """The object below these keys; an empty one when it is not there."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def players_of(team: JsonObject) -> Iterator[JsonObject]:
    """The player objects of a team's object."""
    players = team.get("players")
    yield from (p for p in (players if isinstance(players, list) else ()) if isinstance(p, dict))


def stats_of(owner: JsonObject) -> dict[str, float]:
    """The statistics of a player's or team's object that are known, by ``group.name``.

    What is true or false is 1 or 0.
    """
    found: dict[str, float] = {}
    for group in GROUPS:
        values = branch(owner, "stats", group)
        if group == "positioning" and values:
            values = {_ABSENT_IS_ZERO: 0, **values}
        for name, value in values.items():
            read = float(value) if isinstance(value, bool) else number(value)
            if read is not None:
                found[f"{group}.{name}"] = read
    return found


def score_of(body: JsonObject, color: str) -> float | None:
    """A side's final score: the one that the parser states, else its goals."""
    stated = number(branch(body, "final_score").get(color))
    return stated if stated is not None else goals_of(branch(body, color))


def winner_of(body: JsonObject) -> Color | None:
    """The side that won: with more points; after a draw, as in a forfeit, the most valuable one's.

    None when neither tells.
    """
    scores = [score_of(body, color) for color in TEAMS]
    for color, score, other in zip(TEAMS, scores, scores[::-1], strict=True):
        if score is not None and other is not None and score > other:
            return color
    if scores[0] != scores[1]:
        return None
    return next(
        (color for color in TEAMS if any(map(is_mvp, players_of(branch(body, color))))), None
    )


def is_mvp(player: JsonObject) -> bool:
    """Whether a player's object calls its player the most valuable one, in either place."""
    return player.get("mvp") is True or branch(player, "stats", "core").get("mvp") is True


def goals_of(team: JsonObject) -> float | None:
    """Goals of a team's object: those stated, else the sum of its players'."""
    stated = number(branch(team, "stats", "core").get("goals"))
    if stated is not None:
        return stated
    goals = [number(branch(p, "stats", "core").get("goals")) for p in players_of(team)]
    known = [one for one in goals if one is not None]
    return sum(known) if known else None
