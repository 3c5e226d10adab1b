"""The players of the body."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from parsekit import JsonObject
from parsekit_local.body.cameras import camera, steering
from parsekit_local.body.core import most_valuable, player_core
from parsekit_local.body.counters import counters_of
from parsekit_local.body.identity import player_id
from parsekit_local.body.match import UNKNOWN_NAME
from parsekit_local.body.published import published, published_all
from parsekit_local.body.ranks import AccountKey, account_key
from parsekit_local.body.roster import Participant
from parsekit_local.header.bounds import bounded
from parsekit_local.statistics import MatchStatistics, PlayerStatistics
from parsekit_local.stream.frames import PlayerTrack
from parsekit_local.tables.cars import CARS

_GROUPS = ("boost", "movement", "positioning", "demo")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayerSources:
    """What all players of a match are written from.

    ``everybody`` are the players of both teams, best first in each; ``statistics`` is None when
    the stream could not be read. ``has_score`` False: nobody's score is known.
    """

    everybody: Sequence[Participant]
    statistics: MatchStatistics | None
    has_score: bool
    ranks: Mapping[AccountKey, JsonObject]
    winner: int | None


def player_entries(sources: PlayerSources, team: int) -> list[JsonObject]:
    """Write the players of one team."""
    best = most_valuable(sources.everybody, sources.winner)
    return [
        _entry(player, sources, is_mvp=player is best)
        for player in sources.everybody
        if player.team == team
    ]


def _entry(player: Participant, sources: PlayerSources, *, is_mvp: bool) -> JsonObject:
    found = statistics_of(player, sources.statistics)
    track = player.track
    rank = sources.ranks.get(account_key(player.account) or ("", "", 0))
    counters = counters_of(player, sources.everybody)
    return {
        "start_time": published(found.start_time) if found else 0,
        "end_time": published(found.end_time) if found else 0,
        "name": player.name,
        "id": player_id(player.account),
        **({"mvp": True} if is_mvp else {}),
        **({"rank": rank} if rank else {}),
        **_car(track, player.team),
        "camera": camera(track.camera if track else None),
        "steering_sensitivity": steering(track.steering_sensitivity if track else None),
        "stats": {
            "core": player_core(player, sources.everybody, is_mvp=is_mvp)
            if sources.has_score
            else {},
            **_stats(found),
        },
        **({"game_counters": counters} if counters else {}),
    }


def statistics_of(player: Participant, found: MatchStatistics | None) -> PlayerStatistics | None:
    """Look up a player's statistics; None for who never had a car."""
    return found.players.get(player.index) if found and player.index is not None else None


def _car(track: PlayerTrack | None, team: int) -> JsonObject:
    body = track.body_ids[team] if track else None
    return {} if body is None else {"car_id": body, "car_name": CARS.get(body, UNKNOWN_NAME)}


def _stats(found: PlayerStatistics | None) -> JsonObject:
    """Write the groups; empty ones where nothing is known, as of who never had a car."""
    if found:
        return {name: published_all(group) for name, group in bounded(found.groups()).items()}
    return {name: {} for name in _GROUPS}
