"""Match facts: the last reports of the lives that stand for the match itself."""

from __future__ import annotations

from typing import Any

from parsekit_local.stream.frames import MatchFacts
from parsekit_local.stream.lives import Life, events_of
from parsekit_local.stream.log import EventCode, StreamLog


def match_facts(log: StreamLog, lives: list[Life]) -> MatchFacts:
    """Collect what is known of the match as a whole."""
    overtime = events_of(log, EventCode.OVERTIME)
    running = overtime.frame[overtime.a != 0]
    guid = _last(lives, "MatchGUID") or _last(lives, "MatchGuid")
    return MatchFacts(
        playlist_id=_last(lives, "ReplicatedGamePlaylist"),
        server_name=_last(lives, "ServerName"),
        server_region=_last(lives, "ReplicatedServerRegion"),
        match_guid=guid,
        team_names=(_team_name(lives, 0), _team_name(lives, 1)),
        game_info=_kind(lives, "GameReplicationInfoArchetype"),
        max_team_size=_last(lives, "MaxTeamSize"),
        start_epoch_s=_last(lives, "MatchStartEpoch"),
        overtime_frame=int(running[0]) if len(running) else None,
        debug_rows=log.debug_rows,
    )


def _last(lives: list[Life], name: str) -> Any:
    return next((life.values[name] for life in reversed(lives) if name in life.values), None)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _team_name(lives: list[Life], team: int) -> str | None:
    name = _last([life for life in lives if life.team_number == team], "CustomTeamName")
    return _text(name)


def _kind(lives: list[Life], part: str) -> str | None:
    return next((life.kind for life in lives if part in life.kind), None)
