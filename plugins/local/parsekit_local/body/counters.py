"""The game's own counts of each player, where the replay has them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from parsekit_local.body.roster import Participant
from parsekit_local.stream.log import TALLIES

#: Stand in ``stats`` already.
_IN_CORE = frozenset(("MatchGoals", "MatchAssists", "MatchSaves", "MatchShots"))
_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])")


def counter_name(tally: str) -> str:
    """The published name of one of the game's counts: ``MatchEpicSaves`` is ``epic_saves``."""
    return _WORDS.sub("_", tally.removeprefix("Match")).lower()


def counters_of(player: Participant, everybody: Sequence[Participant]) -> dict[str, int]:
    """Give the counts that this replay has; empty where it has none.

    The game sends a count when it rises. One that was sent for anybody is known to this build, so
    that it is 0 for who had none; one that was sent for nobody is not known, and left out.
    """
    known = {name for each in everybody if each.track for name in each.track.counters}
    own = player.track.counters if player.track else {}
    return {
        counter_name(name): own.get(name, 0)
        for name in TALLIES
        if name in known and name not in _IN_CORE and player.track
    }
