"""The game that is played, by the class that rules it: the playlist of a private match is silent.

The names of the classes were read in real replays (Soccar, Season, Basketball, FootBall, Territory,
HeatseekerTerritory, LTM_BeachBall, LTM_DropshotRumble, Tutorial); the others are the game's own
words for its modes. A class that is not here goes by its own name.
"""

from __future__ import annotations

import re

from parsekit_local.stream.frames import MatchFacts
from parsekit_local.tables.playlists import PLAIN_SOCCAR

SOCCAR = "Soccar"
#: Stands in front of the class's own word, that of a mode for a limited time too.
_PREFIX = re.compile(r"^GameInfo_(LTM_)?")
_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_NAMES = {
    "Soccar": SOCCAR,
    "Season": SOCCAR,
    "Basketball": "Hoops",
    "Breakout": "Dropshot",
    "FootBall": "Gridiron",
    "GodBall": "Heatseeker",
    "HeatseekerTerritory": "Heatseeker",
    "Hockey": "Snow Day",
    "Items": "Rumble",
    "Tutorial": "Training",
}


def mode_of(facts: MatchFacts) -> str | None:
    """Name the mode; None where the class is Soccar's and the playlist is another game's.

    Rumble of 2016 is played with Soccar's class, and an unknown playlist may be anything.
    """
    if facts.game_info is None:
        return None
    word = _PREFIX.sub("", facts.game_info.partition(".")[0])
    name = _NAMES.get(word) or _CAPITAL.sub(" ", word).strip()
    if name == SOCCAR and facts.playlist_id is not None and facts.playlist_id not in PLAIN_SOCCAR:
        return None
    return name or None
