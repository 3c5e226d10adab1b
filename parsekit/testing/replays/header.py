"""Write the header of a replay: versions and the properties that name the match."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable
from datetime import UTC

from parsekit.testing.replays.clock import Recording
from parsekit.testing.replays.match import Goal, Match, Player, Side
from parsekit.testing.replays.properties import (
    array_property,
    block,
    bool_property,
    enum_property,
    float_property,
    int_property,
    name_property,
    qword_property,
    str_property,
    text,
)

#: Engine, licensee and network version of the game from 2024 to March 2026.
VERSIONS = (868, 32, 10)
#: Actor ids in the network stream are smaller than this.
MAX_CHANNELS = 1023
_BUILD = "260114.00000.000000"


def encode_header(recording: Recording) -> bytes:
    """Encode the header of this recording."""
    properties = (*_match(recording.match), *_score(recording), *_file(recording))
    return struct.pack("<3i", *VERSIONS) + text("TAGame.Replay_Soccar_TA") + block(properties)


def match_id(match: Match) -> str:
    """Name a match by its content: 32 hexadecimal digits, as the game writes them."""
    return hashlib.sha256(repr(match).encode()).hexdigest()[:32].upper()


def start_unix(match: Match) -> int:
    """The date of the match in seconds since 1970, as if it was played in UTC."""
    return int(match.date.replace(tzinfo=UTC).timestamp())


def _match(match: Match) -> Iterable[bytes]:
    yield int_property("TeamSize", max(len(match.blue), len(match.orange)))
    yield bool_property("bForfeit", value=False)
    yield int_property("Team0Score", match.goals_for(0))
    yield int_property("Team1Score", match.goals_for(1))
    yield float_property("TotalSecondsPlayed", match.play_s)
    yield qword_property("MatchStartEpoch", start_unix(match))


def _score(recording: Recording) -> Iterable[bytes]:
    match = recording.match
    goals = [
        _goal(recording.frame_at(phase.end_s), phase.goal)
        for phase in recording.phases
        if phase.goal
    ]
    yield array_property("Goals", goals)
    yield array_property("PlayerStats", [_line(match, *entry) for entry in match.players()])


def _goal(frame: int, goal: Goal) -> bytes:
    scorer = str_property("PlayerName", goal.scorer)
    return block([int_property("frame", frame), scorer, int_property("PlayerTeam", goal.side)])


def _line(match: Match, side: Side, player: Player) -> bytes:
    platform = "OnlinePlatform_Unknown" if player.bot else "OnlinePlatform_Steam"
    return block(
        [
            str_property("Name", player.name),
            enum_property("Platform", "OnlinePlatform", platform),
            qword_property("OnlineID", player.steam_id),
            int_property("Team", side),
            int_property("Score", player.score),
            int_property("Goals", match.goals_of(player)),
            int_property("Assists", player.assists),
            int_property("Saves", player.saves),
            int_property("Shots", player.shots),
            bool_property("bBot", value=player.bot),
        ]
    )


def _file(recording: Recording) -> Iterable[bytes]:
    match = recording.match
    yield str_property("ReplayName", match.title)
    yield int_property("ReplayVersion", 8)
    yield int_property("GameVersion", 30)
    yield str_property("BuildVersion", _BUILD)
    yield float_property("RecordFPS", 30.0)
    yield float_property("KeyframeDelay", 10.0)
    yield int_property("MaxChannels", MAX_CHANNELS)
    yield str_property("Id", match_id(match))
    yield str_property("MatchGUID", match_id(match))
    yield name_property("MapName", match.map_name)
    yield str_property("Date", f"{match.date:%Y-%m-%d %H-%M-%S}")
    yield int_property("NumFrames", recording.frames)
    yield name_property("MatchType", match.match_type)
