"""Where a body and the header of its replay disagree.

The header is the game's own summary. What the stream gave can fall short of it, because the
decoder missed something or because the game counts otherwise (own goals, a score that was set
anew, modes with points, players who left before the recording). The body stays what it is; this
is what is told beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from parsekit_local.body.roster import Participant
from parsekit_local.header.facts import HeaderFacts

#: What counts goals, in a body's paths.
_GOALS = tuple(
    f"{owner}.stats.core.{leaf}"
    for owner in ("players", "teams")
    for leaf in ("goals", "goals_against", "shooting_percentage")
)
#: What lacks a player who was not found in the stream.
_MEASURED = tuple(
    f"{owner}.stats.{group}"
    for owner in ("players", "teams")
    for group in ("boost", "movement", "positioning", "demo")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradiction:
    """One disagreement: a sentence for people, and the fields that it makes doubtful.

    ``may_be_missed`` tells that another parser may find what this one did not: the cars of a mode
    that the decoder does not know, say.
    """

    sentence: str
    fields: tuple[str, ...]
    may_be_missed: bool = False


def contradictions(
    header: HeaderFacts, players: Sequence[Participant], *, stream_is_whole: bool
) -> Iterator[Contradiction]:
    """Compare a body's players with the header: who they are, their goals, and the score.

    Players are looked for only in a stream that was read to its end, which is told elsewhere.
    """
    if stream_is_whole:
        yield from _missing_players(players)
    yield from _another_score(header, players) or _missing_scorers(header, players)


def _missing_players(players: Sequence[Participant]) -> tuple[Contradiction, ...]:
    missing = sum(not (player.track and player.track.cars) for player in players)
    if not missing:
        return ()
    text = (
        f"{missing} of {len(players)} players have no car in the network stream: what they did is "
        "not known"
    )
    nobody_drives = missing == len(players)
    return (Contradiction(sentence=text, fields=_MEASURED, may_be_missed=nobody_drives),)


def _another_score(
    header: HeaderFacts, players: Sequence[Participant]
) -> tuple[Contradiction, ...]:
    score = header.final_score
    blue, orange = (sum(p.score_line.goals for p in players if p.team == team) for team in (0, 1))
    if score is None or score == (blue, orange):
        return ()
    text = (
        f"the final score is {score[0]}-{score[1]}, and the goals of the players add up to "
        f"{blue}-{orange} (own goals, a score that was set anew, points of the mode, or players "
        "who were never seen)"
    )
    return (Contradiction(sentence=text, fields=_GOALS),)


def _missing_scorers(
    header: HeaderFacts, players: Sequence[Participant]
) -> tuple[Contradiction, ...]:
    credited = Counter[str]()
    for player in players:
        credited[player.name] += player.score_line.goals
    missing = (Counter(header.scorers) - credited).total()
    if not missing:
        return ()
    text = f"{missing} of {len(header.scorers)} goals of the header's list are no player's goals"
    return (Contradiction(sentence=text, fields=_GOALS),)
