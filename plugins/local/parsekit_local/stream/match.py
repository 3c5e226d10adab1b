"""Match facts: the last reports of the actors that stand for the match itself."""

from __future__ import annotations

from typing import Any

from parsekit_local.stream.actors import Actor
from parsekit_local.stream.frames import MatchFacts
from parsekit_local.stream.stream import StreamReader


def match_facts(replay: dict[str, Any], reader: StreamReader) -> MatchFacts:
    """Collect what is known of the match as a whole."""
    actors = reader.cast.all
    guid = _last(actors, "MatchGUID") or _last(actors, "MatchGuid")
    epoch = _last(actors, "MatchStartEpoch")
    return MatchFacts(
        playlist_id=_last(actors, "ReplicatedGamePlaylist"),
        server_name=_last(actors, "ServerName"),
        server_region=_last(actors, "ReplicatedServerRegion"),
        match_guid=guid,
        team_names=(_team_name(actors, 0), _team_name(actors, 1)),
        game_info=_kind(actors, "GameReplicationInfoArchetype"),
        max_team_size=_last(actors, "MaxTeamSize"),
        start_epoch_s=None if epoch is None else int(epoch),
        overtime_frame=reader.overtime_frame,
        debug_rows=tuple((row["user"], row["text"]) for row in replay["debug_info"]),
    )


def _last(actors: list[Actor], name: str) -> Any:
    return next((a.values[name] for a in reversed(actors) if name in a.values), None)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _team_name(actors: list[Actor], team: int) -> str | None:
    name = _last([actor for actor in actors if actor.team_number == team], "CustomTeamName")
    return _text(name)


def _kind(actors: list[Actor], part: str) -> str | None:
    return next((actor.kind for actor in actors if part in actor.kind), None)
