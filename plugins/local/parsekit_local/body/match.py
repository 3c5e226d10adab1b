"""Facts of the match as a whole, from header and stream together, for the top of the body."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from parsekit import JsonObject
from parsekit_local.body.roster import Participant
from parsekit_local.header.dates import SavedAt, Season, saved_at, season_at
from parsekit_local.header.facts import HeaderFacts
from parsekit_local.stream.frames import Frames, MatchFacts
from parsekit_local.tables.maps import MAPS
from parsekit_local.tables.modes import mode_of
from parsekit_local.tables.playlists import (
    LOCAL_LOBBY,
    OFFLINE,
    PLAIN_SOCCAR,
    PLAYLISTS,
    PRIVATE,
    Playlist,
)

#: Stands where the contract wants a word and the replay has none.
UNKNOWN = "unknown"
#: Stands for the name of a car, map or playlist that is not in our tables.
UNKNOWN_NAME = "Unknown"
_UNKNOWN_PLAYLIST = Playlist(UNKNOWN, UNKNOWN_NAME)
#: What the header's ``MatchType`` says of the playlist when the stream is silent.
_PLAYLIST_BY_MATCH_TYPE = {"Private": PRIVATE, "Offline": OFFLINE, "LAN": LOCAL_LOBBY}
#: Fields of another form, also in private matches: Rocket Labs, and those of single modes.
_ODD_FIELD = re.compile(r"labs_|ko_|hoops|shattershot|throwbackhockey|bb_|beachvolley")
#: ``USE126-Orion``: before 2023 the region stands only in the server's name.
_REGION = re.compile(r"([A-Z]{2,4})\d")


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchContext:
    """The match, without its players.

    ``overtime_s`` is 0 without overtime; ``is_plain_soccar`` that nothing is known of another
    mode, ball or field than those whose statistics were compared with Ballchasing's. ``mode`` is
    the game that is played, such as ``Heatseeker``; None where nothing tells.
    """

    saved: SavedAt
    season: Season
    duration_s: int
    overtime: bool
    overtime_s: int
    team_size: int
    playlist: Playlist
    mode: str | None
    map_code: str
    map_name: str
    match_type: str
    match_guid: str | None
    server: JsonObject | None
    team_names: tuple[str | None, str | None]
    is_plain_soccar: bool


def match_of(
    header: HeaderFacts, frames: Frames | None, players: Sequence[Participant], end_s: float
) -> MatchContext:
    """Put the match's facts together; ``end_s`` is the end of its last player."""
    facts = frames.match if frames else MatchFacts()
    saved = saved_at(
        header.local_date,
        start_epoch_s=header.start_epoch_s or facts.start_epoch_s,
        length_s=_length_s(header, frames),
    )
    map_code = (header.map_code or UNKNOWN).lower()
    return MatchContext(
        saved=saved,
        season=season_at(saved.moment),
        duration_s=math.floor(end_s),
        overtime=facts.overtime_frame is not None,
        overtime_s=_overtime_s(frames),
        team_size=_team_size(header, facts, players),
        playlist=_playlist(header, facts),
        mode=mode_of(facts),
        map_code=map_code,
        map_name=MAPS.get(map_code, UNKNOWN_NAME),
        match_type=header.match_type or UNKNOWN,
        match_guid=header.match_guid or facts.match_guid,
        server=_server(facts),
        team_names=facts.team_names,
        is_plain_soccar=_is_plain_soccar(facts, map_code) and not _has_several_balls(frames),
    )


def _is_plain_soccar(facts: MatchFacts, map_code: str) -> bool:
    return (
        "GameInfo_Soccar" in (facts.game_info or "GameInfo_Soccar")
        and (facts.playlist_id is None or facts.playlist_id in PLAIN_SOCCAR)
        and not _ODD_FIELD.match(map_code)
    )


def _has_several_balls(frames: Frames | None) -> bool:
    balls = sorted(frames.balls, key=lambda ball: ball.first_frame) if frames else ()
    return any(ball.first_frame < before.end_frame for before, ball in pairwise(balls))


def _length_s(header: HeaderFacts, frames: Frames | None) -> float | None:
    """The length of the recording; a stream that was cut tells too little."""
    in_stream = float(frames.time_s[-1]) if frames else 0.0
    return max(in_stream, header.recorded_s or 0.0) or header.seconds_played


def _overtime_s(frames: Frames | None) -> int:
    """The clock counts up in overtime; its last report is the length."""
    if frames is None or frames.match.overtime_frame is None:
        return 0
    played = frames.game_clock.seconds[frames.game_clock.frame >= frames.match.overtime_frame]
    return int(played.max()) if len(played) else 0


def _team_size(header: HeaderFacts, facts: MatchFacts, players: Sequence[Participant]) -> int:
    largest = max((sum(p.team == team for p in players) for team in (0, 1)), default=0)
    return header.team_size or facts.max_team_size or largest


def _playlist(header: HeaderFacts, facts: MatchFacts) -> Playlist:
    if facts.playlist_id is not None:
        return PLAYLISTS.get(facts.playlist_id, _UNKNOWN_PLAYLIST)
    return _PLAYLIST_BY_MATCH_TYPE.get(header.match_type or "", _UNKNOWN_PLAYLIST)


def _server(facts: MatchFacts) -> JsonObject | None:
    if facts.server_name is None:
        return None
    in_name = _REGION.match(facts.server_name)
    region = facts.server_region or (in_name[1] if in_name else "")
    return {"name": facts.server_name, "region": region}
