"""The game's playlist numbers, and what Ballchasing calls these playlists.

Sources, taken 2026-11-24: the numbers from ``rlapi/population.py`` of the public rlapi package
(PsyNet's own list of populations), checked on real replays for 3, 6, 8 to 13, 18, 31 and 46;
Ballchasing's ids from python-ballchasing 0.5.4 (``AnyPlaylist``). "Unranked Standard", "Ranked
Doubles", "Ranked Standard" and "Private" were seen in real bodies; the other names follow their
pattern. Modes that Ballchasing's ids do not know are left out.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Playlist:
    """Ballchasing's ``playlist_id`` and ``playlist_name``."""

    id: str
    name: str


_TOURNAMENT = Playlist("tournament", "Tournament")
_ROCKET_LABS = Playlist("rocketlabs", "Rocket Labs")
_DROPSHOT_RUMBLE = Playlist("dropshot-rumble", "Dropshot Rumble")
_HEATSEEKER = Playlist("heatseeker", "Heatseeker")
_SNOW_DAY = Playlist("snowday", "Snowday")

PRIVATE = Playlist("private", "Private")
OFFLINE = Playlist("offline", "Offline")
LOCAL_LOBBY = Playlist("local-lobby", "Local Lobby")

#: The numbers of the plain game: standard field, one ball, no items.
PLAIN_SOCCAR = frozenset((1, 2, 3, 4, 6, 7, 8, 10, 11, 12, 13, 22, 24, 34))

#: The number in ``ReplicatedGamePlaylist`` to the playlist.
PLAYLISTS: dict[int, Playlist] = {
    1: Playlist("unranked-duels", "Unranked Duels"),
    2: Playlist("unranked-doubles", "Unranked Doubles"),
    3: Playlist("unranked-standard", "Unranked Standard"),
    4: Playlist("unranked-chaos", "Unranked Chaos"),
    6: PRIVATE,
    7: Playlist("season", "Season"),
    8: OFFLINE,
    10: Playlist("ranked-duels", "Ranked Duels"),
    11: Playlist("ranked-doubles", "Ranked Doubles"),
    12: Playlist("ranked-solo-standard", "Ranked Solo Standard"),
    13: Playlist("ranked-standard", "Ranked Standard"),
    15: _SNOW_DAY,
    16: _ROCKET_LABS,
    17: Playlist("hoops", "Hoops"),
    18: Playlist("rumble", "Rumble"),
    22: _TOURNAMENT,
    23: Playlist("dropshot", "Dropshot"),
    24: LOCAL_LOBBY,
    27: Playlist("ranked-hoops", "Ranked Hoops"),
    28: Playlist("ranked-rumble", "Ranked Rumble"),
    29: Playlist("ranked-dropshot", "Ranked Dropshot"),
    30: Playlist("ranked-snowday", "Ranked Snowday"),
    34: _TOURNAMENT,
    35: _ROCKET_LABS,
    37: _DROPSHOT_RUMBLE,
    38: _HEATSEEKER,
    43: _HEATSEEKER,
    44: _SNOW_DAY,
    46: Playlist("gridiron", "Gridiron"),
    64: _HEATSEEKER,
    65: _HEATSEEKER,
    66: _HEATSEEKER,
    67: Playlist("spooky-cube", "Spooky Cube"),
    70: _DROPSHOT_RUMBLE,
}
